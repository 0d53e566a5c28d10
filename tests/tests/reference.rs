//! Every recorded answer of the reference that concerns this service, against this service: the
//! same, or another one for a reason that differences.tsv gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{StreamExt, iter};
use percent_encoding::percent_decode_str;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use thumbmill_tests::cluster::{Cluster, header};
use thumbmill_tests::pictures::decode;
use thumbmill_tests::pictures::named::named;

const CASES: &str = include_str!("../data/reference.tsv");
const DIFFERENCES: &str = include_str!("../data/differences.tsv");
const AT_ONCE: usize = 8;

struct Case {
    name: &'static str,
    picture: &'static str,
    policy: &'static str,
    method: Method,
    path: &'static str,
    query: &'static str,
    headers: BTreeMap<String, String>,
    reference: &'static str,
    ours: &'static str,
    difference: &'static str,
    disposition: &'static str,
    vary: &'static str,
}

fn cases() -> Vec<Case> {
    let present = |text: &'static str| if text == "-" { "" } else { text };
    let rows = CASES.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let fields: Vec<&'static str> = row.split('\t').collect();
        let [
            name,
            picture,
            policy,
            method,
            path,
            query,
            headers,
            reference,
            ours,
            difference,
            disposition,
            vary,
        ] = fields[..]
        else {
            panic!("{row}")
        };
        let headers = if headers == "-" {
            BTreeMap::new()
        } else {
            serde_json::from_str(headers).unwrap()
        };
        Case {
            name,
            picture,
            policy,
            method: method.parse().unwrap(),
            path,
            query: present(query),
            headers,
            reference,
            ours: if ours == "=" { reference } else { ours },
            difference: present(difference),
            disposition: present(disposition),
            vary: present(vary),
        }
    })
    .collect()
}

/// Whatever differs has its reason, and every reason is needed.
#[test]
fn every_difference_has_its_reason() {
    let reasons: BTreeSet<&str> = DIFFERENCES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .collect();
    let mut used = BTreeSet::new();
    for case in cases() {
        assert_eq!(
            case.ours != case.reference,
            !case.difference.is_empty(),
            "{}",
            case.name
        );
        if !case.difference.is_empty() {
            assert!(
                reasons.contains(case.difference),
                "{}: {}",
                case.name,
                case.difference
            );
            used.insert(case.difference);
        }
    }
    assert_eq!(used, reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_the_reference_but_for_the_listed_differences() {
    let cases = cases();
    assert!(cases.len() > 2900);
    let presets = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/presets.toml")
        .display()
        .to_string();
    let policies: BTreeSet<&str> = cases.iter().map(|case| case.policy).collect();
    let mut clusters = BTreeMap::new();
    for policy in policies {
        let variables = [
            ("THUMBMILL_PRESETS", presets.clone()),
            ("THUMBMILL_TRANSFORMS", policy.to_owned()),
        ];
        clusters.insert(
            policy,
            (
                Arc::new(Cluster::embedded(&variables).await),
                BTreeMap::new(),
            ),
        );
    }
    for case in &cases {
        let (cluster, ids) = clusters.get_mut(case.policy).unwrap();
        if !ids.contains_key(case.picture) {
            ids.insert(case.picture, upload(cluster, case.picture).await);
        }
    }
    let checks = iter(&cases).map(|case| {
        let (cluster, ids) = &clusters[case.policy];
        check(case, cluster, &ids[case.picture])
    });
    let deviations: Vec<String> = checks
        .buffer_unordered(AT_ONCE)
        .filter_map(|deviation| async { deviation })
        .collect()
        .await;
    assert!(
        deviations.is_empty(),
        "{} of {} cases:\n{}",
        deviations.len(),
        cases.len(),
        deviations.join("\n")
    );
    for (_, (cluster, _)) in clusters {
        Arc::into_inner(cluster).unwrap().finish(0).await;
    }
}

async fn upload(cluster: &Cluster, picture: &str) -> String {
    let upload = named(picture);
    let mut form = Form::new();
    if let Some(rename) = upload.rename {
        form = form.text("filename_download", rename);
    }
    for (name, px) in ["focal_point_x", "focal_point_y"]
        .into_iter()
        .zip(upload.focal_point)
    {
        if let Some(px) = px {
            form = form.text(name, px.to_string());
        }
    }
    let part = Part::bytes(upload.bytes).file_name(upload.filename);
    let answer = cluster
        .client()
        .post(cluster.url("/files"))
        .multipart(form.part("file", part))
        .send()
        .await
        .unwrap();
    let body: serde_json::Value = answer.json().await.unwrap();
    body["data"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{picture}: {body}"))
        .to_owned()
}

/// What is wrong with the answer, if anything.
async fn check(case: &Case, cluster: &Cluster, id: &str) -> Option<String> {
    let query = if case.query.is_empty() {
        String::new()
    } else {
        format!("?{}", case.query)
    };
    let url = cluster.url(&format!("{}{query}", case.path.replace("{id}", id)));
    let mut request = cluster.client().request(case.method.clone(), url);
    for (name, value) in &case.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let (disposition, vary) = (disposition(&answer), header(&answer, "vary"));
    let served = matches!(answer.status().as_u16(), 200 | 206);
    let answered = describe(case, answer).await;
    if answered != case.ours {
        return Some(format!(
            "{} {query}: answered {answered}, not {}",
            case.name, case.ours
        ));
    }
    if served && disposition != case.disposition {
        return Some(format!(
            "{}: disposition {disposition}, not {}",
            case.name, case.disposition
        ));
    }
    (vary != case.vary).then(|| format!("{} {query}: Vary {vary}, not {}", case.name, case.vary))
}

/// The answer in the table's words.
async fn describe(case: &Case, answer: Response) -> String {
    let status = answer.status().as_u16();
    let media_type = header(&answer, "content-type");
    let part = header(&answer, "content-range");
    let body = answer.bytes().await.unwrap();
    let pictured =
        ["image/jpeg", "image/png", "image/webp", "image/avif"].contains(&media_type.as_str());
    match status {
        200 if case.method == Method::GET && pictured && case.ours.contains('x') => {
            let (width, height) = size(case, &body);
            format!("200 {media_type} {width}x{height}")
        }
        200 => {
            assert!(
                case.method == Method::HEAD || !body.is_empty(),
                "{}: an empty picture",
                case.name
            );
            format!("200 {media_type}")
        }
        206 => format!(
            "206 {media_type} {}",
            part.split('/').next().unwrap_or_default()
        ),
        304 => "304".to_owned(),
        _ => {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            format!(
                "{status} {}",
                body["errors"][0]["extensions"]["code"]
                    .as_str()
                    .unwrap_or_default()
            )
        }
    }
}

/// Damaged originals are served as they came; they need not be decodable.
fn size(case: &Case, body: &[u8]) -> (u32, u32) {
    let original = named(case.picture).bytes;
    if body == original
        && (case.picture.contains("truncated")
            || case.picture.contains("corrupt")
            || case.picture.contains("cmyk"))
    {
        let size = case
            .ours
            .rsplit(' ')
            .next()
            .unwrap()
            .split_once('x')
            .unwrap();
        return (size.0.parse().unwrap(), size.1.parse().unwrap());
    }
    if let Some(size) = avif_size(body) {
        return size;
    }
    let picture = decode(body);
    (picture.width(), picture.height())
}

/// What the image spatial extents say (`ispe`; ISO/IEC 23008-12, 6.5.3): version and flags, width
/// and height.
fn avif_size(body: &[u8]) -> Option<(u32, u32)> {
    if body.get(4..12) != Some(b"ftypavif") {
        return None;
    }
    let at = body.windows(4).position(|name| name == b"ispe")? + 8;
    let number = |at: usize| Some(u32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?));
    Some((number(at)?, number(at + 4)?))
}

/// For example `inline my%20photo.jpg`: the kind, and the whole name percent-encoded.
fn disposition(answer: &Response) -> String {
    let text = header(answer, "content-disposition");
    let Some((kind, rest)) = text.split_once("; ") else {
        return text;
    };
    let name = match rest.split_once("filename*=UTF-8''") {
        Some((_, encoded)) => percent_decode_str(encoded)
            .decode_utf8()
            .unwrap()
            .into_owned(),
        None => rest
            .trim_start_matches("filename=\"")
            .trim_end_matches('"')
            .to_owned(),
    };
    let encoded: String = name
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect();
    format!("{kind} {encoded}")
}
