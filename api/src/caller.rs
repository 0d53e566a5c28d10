//! Finds out who sends a request, before anything is done for it: its token, its signature, and
//! whether another site's page sends it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use thumbmill_shared::access::{Role, SIGNATURE, SignedUrl};

use crate::App;
use crate::access::{Caller, Doors};
use crate::error::ApiError;
use crate::limits::Limit;

/// The parameter that carries a token.
const ACCESS_TOKEN: &str = "access_token";

/// What a request has brought, for those who serve it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    /// Who sends it.
    pub(crate) caller: Caller,
    /// Until when its URL is good.
    pub(crate) until: Option<SystemTime>,
}

/// Goes before every route.
pub(crate) async fn identify(
    State((app, doors)): State<(Arc<App>, Doors)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    check_length(&app, &request)?;
    let host = check_host(&request)?;
    check_site(&request, host.as_ref())?;
    let credentials = credentials(&app, doors, &request, host.as_ref())?;
    request.extensions_mut().insert(credentials);
    Ok(next.run(request).await)
}

fn credentials(
    app: &App,
    doors: Doors,
    request: &Request,
    host: Option<&Authority>,
) -> Result<Credentials, ApiError> {
    let now = SystemTime::now();
    let (path, query) = (request.uri().path(), request.uri().query());
    let keys = &app.settings.signing_keys;
    let signature = query
        .filter(|query| !keys.is_empty() && query.contains(SIGNATURE))
        .and_then(|query| SignedUrl::of(path, query).verify(keys, now));
    let until = signature.transpose()?;
    let by_door = match doors {
        Doors::Open => true,
        Doors::Local => {
            host.is_some_and(|host| is_local(host.host())) && !is_forwarded(request.headers())
        }
        Doors::Closed => false,
    };
    let role = if by_door {
        Some(Role::Admin)
    } else {
        token_role(app, request, now)?
    };
    Ok(Credentials {
        caller: Caller {
            role,
            signed: until.is_some(),
            application: app.application.is_some(),
        },
        until: until.flatten(),
    })
}

fn token_role(app: &App, request: &Request, now: SystemTime) -> Result<Option<Role>, ApiError> {
    let cookie = app.settings.token_cookie.as_deref();
    let Some((text, sent)) = token_of(request, cookie) else {
        return Ok(None);
    };
    match (app.tokens.current().find(&text, now), sent) {
        (Some(token), _) => Ok(Some(token.role)),
        // It may be one of the application's.
        (None, _) if app.application.is_some() => Ok(None),
        (None, Sent::OnPurpose) => Err(ApiError::BadToken),
        (None, Sent::ByBrowser) => Ok(None),
    }
}

/// How a token came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// In this request's own head.
    OnPurpose,
    /// As a cookie, which a browser sends with everything for as long as it has it: an old one must
    /// not hide public files.
    ByBrowser,
}

/// The first of `Authorization: Bearer`, `access_token` and the cookie of this name.
fn token_of(request: &Request, cookie: Option<&str>) -> Option<(String, Sent)> {
    let own = bearer(request.headers()).map(str::to_owned);
    let own = own.or_else(|| access_token(request.uri()));
    own.map(|token| (token, Sent::OnPurpose)).or_else(|| {
        let token = cookie_of(request.headers(), cookie?)?;
        Some((token, Sent::ByBrowser))
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The token in a URI.
pub(crate) fn access_token(uri: &Uri) -> Option<String> {
    let mut pairs = uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, value)| *name == ACCESS_TOKEN && !value.is_empty())?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    Some(value.trim_matches('"').to_owned())
}

fn check_length(app: &App, request: &Request) -> Result<(), ApiError> {
    let limit = Limit::head(&app.settings);
    let uri = request.uri().path_and_query();
    let uri = uri.map_or(0, |uri| uri.as_str().len());
    let headers = request.headers().iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if (uri + headers) as u64 > limit.bytes {
        return Err(ApiError::HeadTooLong(limit));
    }
    Ok(())
}

/// The host that a request is for. HTTP/1.1 names exactly one (RFC 9112, 3.2); one in the request's target goes
/// before the header's (RFC 9112, 3.2.2).
fn check_host(request: &Request) -> Result<Option<Authority>, ApiError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(ApiError::BadHead("The request has two Host headers"));
    }
    let Some(first) = first else {
        return match request.version() {
            Version::HTTP_11 => Err(ApiError::BadHead("The request has no Host header")),
            _ => Ok(None),
        };
    };
    let target = request.uri().authority().cloned();
    let header = || first.to_str().ok().and_then(|host| host.parse().ok());
    match target.or_else(header) {
        Some(host) if !host.as_str().contains('@') => Ok(Some(host)),
        None if first.is_empty() => Ok(None),
        Some(_) | None => Err(ApiError::BadHead(
            "The Host header or the target names no host",
        )),
    }
}

/// Has a proxy passed it on? Then whoever sent it may be anybody, though the proxy is on this machine.
fn is_forwarded(headers: &HeaderMap) -> bool {
    const BY_PROXIES: [&str; 6] = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    BY_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Is this a name that only this machine has for itself? A page of another site that has its own
/// name point here cannot use one of these (DNS rebinding).
fn is_local(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Refuses what another site's page sends in a user's name (Fetch Metadata, and for browsers without
/// it `Origin`, RFC 6454). Whoever sends a token of its own is not misled.
fn check_site(request: &Request, host: Option<&Authority>) -> Result<(), ApiError> {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if reads || bearer(request.headers()).is_some() {
        return Ok(());
    }
    let text = |name: &str| {
        let mut values = request.headers().get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.to_str().unwrap_or_default()),
            // Two say nothing that can be believed, which is not the same as saying nothing.
            (Some(_), Some(_)) => Some(""),
            (None, _) => None,
        }
    };
    let own = match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin" | "none"), _) | (None, None) => true,
        (Some("same-site") | None, Some(origin)) => {
            let origin = origin.split_once("://").map(|(_, origin)| origin);
            origin.is_some() && origin == host.map(Authority::as_str)
        }
        (Some(_), _) => false,
    };
    if own {
        Ok(())
    } else {
        Err(ApiError::OtherSite)
    }
}

/// A path and query without the token, which its sender knows.
pub(crate) fn without_token(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.to_owned();
    };
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).decode_utf8_lossy() != ACCESS_TOKEN
    });
    format!("{path}?{}", kept.collect::<Vec<_>>().join("&"))
}

/// A path and query as logs show it: without secrets.
pub(crate) fn without_secrets(path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.to_owned();
    };
    let shown = query.split('&').map(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        match decoded.as_ref() {
            ACCESS_TOKEN | SIGNATURE => format!("{name}=***"),
            _ => pair.to_owned(),
        }
    });
    format!("{path}?{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_token_is_taken_from_three_places_in_this_order() {
        let (bearer, cookie) = (("authorization", "Bearer one"), ("cookie", "a=b; tm=three"));
        for (uri, headers, expected) in [
            ("/?access_token=two", vec![bearer, cookie], Some("one")),
            ("/?x&access_token=tw%6f", vec![cookie], Some("two")),
            ("/?access_token=", vec![cookie], Some("three")),
            ("/", vec![("authorization", "Basic one")], None),
            ("/", vec![("authorization", "bearer  one")], Some("one")),
            (
                "/",
                vec![("cookie", "tmx=1"), ("cookie", "tm=\"2\"")],
                Some("2"),
            ),
        ] {
            let token = token_of(&request("GET", uri, &headers), Some("tm"));
            let token = token.as_ref().map(|(token, _)| token.as_str());
            assert_eq!(token, expected, "{uri} {headers:?}");
        }
        assert_eq!(token_of(&request("GET", "/", &[cookie]), None), None);
    }

    #[test]
    fn another_sites_page_cannot_change_anything() {
        let host = ("host", "localhost:8080");
        for (headers, expected) in [
            (vec![], true),
            (
                vec![("sec-fetch-site", "same-origin"), ("origin", "http://x")],
                true,
            ),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (
                vec![
                    ("sec-fetch-site", "same-site"),
                    ("origin", "http://localhost:3000"),
                ],
                false,
            ),
            (
                vec![
                    ("sec-fetch-site", "same-site"),
                    ("origin", "http://localhost:8080"),
                ],
                true,
            ),
            (vec![("origin", "http://localhost:8080")], true),
            (vec![("origin", "http://evil.example")], false),
            (vec![("origin", "null")], false),
            (
                vec![
                    ("origin", "http://localhost:8080"),
                    ("origin", "http://evil.example"),
                ],
                false,
            ),
            (
                vec![
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("authorization", "Bearer x"),
                ],
                true,
            ),
        ] {
            let headers: Vec<_> = headers.into_iter().chain([host]).collect();
            for method in ["POST", "PATCH", "DELETE", "GET"] {
                let request = request(method, "/files", &headers);
                let own = Authority::from_static("localhost:8080");
                let checked = check_site(&request, Some(&own));
                let expected = expected || method == "GET";
                assert_eq!(checked.is_ok(), expected, "{method} {headers:?}");
            }
        }
    }

    #[test]
    fn a_request_names_one_host() {
        for (headers, expected) in [
            (vec![("host", "localhost:8080")], Some("localhost:8080")),
            (vec![("host", "[::1]:8080")], Some("[::1]:8080")),
            (vec![("host", "")], None),
            (vec![("host", "a@localhost")], None),
            (vec![], None),
            (vec![("host", "a"), ("host", "a")], None),
            (vec![("host", "a b")], None),
        ] {
            let host = check_host(&request("GET", "/", &headers));
            let host = host.ok().flatten();
            assert_eq!(
                host.as_ref().map(Authority::as_str),
                expected,
                "{headers:?}"
            );
        }
        let absolute = request("GET", "http://evil.example/", &[("host", "localhost")]);
        assert_eq!(check_host(&absolute).unwrap().unwrap(), "evil.example");
        let absolute = request("GET", "http://a@localhost/", &[("host", "localhost")]);
        assert!(check_host(&absolute).is_err());
        let mut old = request("GET", "/", &[]);
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(check_host(&old).unwrap(), None);
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (host, expected) in [
            ("localhost", true),
            ("Localhost", true),
            ("app.localhost", true),
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("[::1]", true),
            ("::ffff:127.0.0.1", true),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), expected, "{host}");
        }
    }

    #[test]
    fn logs_show_no_secrets() {
        for (uri, shown) in [
            ("/assets/x", "/assets/x"),
            (
                "/a?width=1&access_token=s&x",
                "/a?width=1&access_token=***&x",
            ),
            ("/a?%61ccess_token=s", "/a?%61ccess_token=***"),
            ("/a?signature=k.s", "/a?signature=***"),
        ] {
            assert_eq!(without_secrets(uri), shown);
        }
    }
}
