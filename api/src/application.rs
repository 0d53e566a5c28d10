//! Asks the operator's application whether a caller may see a private file, as proxies do with
//! `auth_request`: it gets the caller's credentials and the request's URI, and answers 2xx for yes.
//! Its verdicts are kept for a while, by credential and asset.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use moka::future::Cache;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use thumbmill_http::{Client, Full, Places};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::metrics::QUESTIONS;
use thumbmill_shared::settings::Settings;

use crate::caller::access_token;

/// Verdicts that are kept.
const KEPT: u64 = 100_000;
/// Questions at a time; further callers are told to come again.
const AT_ONCE: u32 = 64;
/// And of one client.
const OF_ONE_CLIENT: u32 = 16;
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");

/// The application does not answer; the text is for logs.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Away {
    /// It cannot be asked, or gives no answer.
    #[error("THUMBMILL_AUTHORIZE: {0}")]
    NoAnswer(String),
    /// This client asks for too much at a time.
    #[error("too many questions of one client")]
    TooMany,
}

/// The application that knows who may see what.
pub(crate) struct Application {
    url: Uri,
    client: HttpClient<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    timeout: Duration,
    /// `None`: each is asked for anew.
    verdicts: Option<Cache<[u8; 32], bool>>,
    places: Places,
}

/// A request as the application is told of it: no more than its verdict is kept for.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) asset: AssetId,
    pub(crate) client: Client,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

impl Application {
    /// The one that `settings` name, if they do. Errors: its URL cannot be used.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(url) = &settings.authorize else {
            return Ok(None);
        };
        let url = url.as_str().parse().context("THUMBMILL_AUTHORIZE")?;
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("THUMBMILL_AUTHORIZE: the system's certificates")?
            .https_or_http()
            .enable_http1()
            .build();
        let kept_for = settings.authorize_for;
        let verdicts = (!kept_for.is_zero()).then(|| {
            Cache::builder()
                .max_capacity(KEPT)
                .time_to_live(kept_for)
                .build()
        });
        Ok(Some(Self {
            url,
            client: HttpClient::builder(TokioExecutor::new()).build(connector),
            timeout: settings.authorize_timeout,
            verdicts,
            places: Places::new(AT_ONCE, Some(OF_ONE_CLIENT), QUESTIONS),
        }))
    }

    /// May the caller see it?
    pub(crate) async fn allows(&self, question: Question<'_>) -> Result<bool, Away> {
        match &self.verdicts {
            None => self.ask(question).await,
            // Of many who want to know the same at the same time one asks.
            Some(verdicts) => verdicts
                .try_get_with(question.key(), self.ask(question))
                .await
                .map_err(|away: Arc<Away>| Away::clone(&away)),
        }
    }

    async fn ask(&self, question: Question<'_>) -> Result<bool, Away> {
        let _place = self
            .places
            .enter(question.client)
            .map_err(|full| match full {
                Full::All => Away::NoAnswer(format!("{AT_ONCE} questions wait for an answer")),
                Full::Client => Away::TooMany,
            })?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.url.clone();
        question.write(request.headers_mut());
        let answer = tokio::time::timeout(self.timeout, self.client.request(request)).await;
        let answer = answer
            .map_err(|_| Away::NoAnswer(format!("no answer within {:?}", self.timeout)))?
            .map_err(|error| Away::NoAnswer(thumbmill_shared::chain::chain(&error)))?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(false),
            status => Err(Away::NoAnswer(format!(
                "it answered {status}, which is neither yes nor no"
            ))),
        }
    }
}

impl Question<'_> {
    fn write(&self, headers: &mut HeaderMap) {
        for name in [header::AUTHORIZATION, header::COOKIE] {
            for value in self.headers.get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        for (name, text) in [
            (ORIGINAL_METHOD, self.method.as_str()),
            (ORIGINAL_URI, &self.shown_uri()),
        ] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
    }

    /// The asset's path, and the token of the query. Nothing else of the path and query: a verdict
    /// is kept for the asset, and an application could read a file name with `..%2f` as another asset.
    fn shown_uri(&self) -> String {
        let path = format!("/assets/{}", self.asset);
        match access_token(self.uri) {
            None => path,
            Some(token) => {
                let token = utf8_percent_encode(&token, NON_ALPHANUMERIC);
                format!("{path}?access_token={token}")
            }
        }
    }

    /// The same for everything that the application is told alike.
    fn key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(self.method.as_str().as_bytes());
        add(self.shown_uri().as_bytes());
        for name in [header::AUTHORIZATION, header::COOKIE] {
            for value in self.headers.get_all(&name) {
                add(name.as_str().as_bytes());
                add(value.as_bytes());
            }
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let headers = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (HeaderName::from_static(name), value)
        });
        headers.collect()
    }

    #[test]
    fn another_credential_or_asset_is_another_question() {
        let assets = [AssetId::random(), AssetId::random()];
        let uris = ["/a?width=1", "/a?access_token=a", "/a?access_token=b"];
        let credentials: [&[_]; 3] = [&[], &[("authorization", "a")], &[("cookie", "a")]];
        let mut keys = std::collections::HashSet::new();
        for asset in assets {
            for (uri, credential) in uris.iter().flat_map(|uri| credentials.map(|c| (uri, c))) {
                let question = Question {
                    asset,
                    client: std::net::IpAddr::from([192, 0, 2, 1]).into(),
                    method: &Method::GET,
                    uri: &uri.parse().unwrap(),
                    headers: &headers(credential),
                };
                keys.insert(question.key());
            }
        }
        assert_eq!(keys.len(), 18);
    }
}
