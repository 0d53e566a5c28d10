use std::time::Duration;

use axum::http::HeaderName;

use super::*;

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect()
}

fn validators() -> Validators {
    Validators {
        etag: "\"v1\"".to_owned(),
        modified: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_700),
        dates: Dates::Ordered,
    }
}

#[test]
fn ranges_are_read_as_rfc_9110_says() {
    let table = [
        ("bytes=0-9", Wanted::Part(0..10)),
        ("bytes=0-0", Wanted::Part(0..1)),
        ("bytes=1399-1399", Wanted::Part(1399..1400)),
        ("bytes=10-", Wanted::Part(10..1400)),
        ("bytes=-10", Wanted::Part(1390..1400)),
        ("bytes=-99999", Wanted::Part(0..1400)),
        ("bytes=0-99999", Wanted::Part(0..1400)),
        ("Bytes= 0-9", Wanted::Part(0..10)),
        ("bytes=1400-", Wanted::Nothing),
        ("bytes=1400-1500", Wanted::Nothing),
        ("bytes=99999999999999999999-", Wanted::Nothing),
        ("bytes=-0", Wanted::Nothing),
        ("bytes=20-10", Wanted::Whole),
        ("bytes=-", Wanted::Whole),
        ("bytes=--5", Wanted::Whole),
        ("bytes=a-b", Wanted::Whole),
        ("bytes=0-9,20-29", Wanted::Whole),
        ("bytes 0-9", Wanted::Whole),
        ("items=0-9", Wanted::Whole),
        ("", Wanted::Whole),
    ];
    for (range, expected) in table {
        assert_eq!(
            wanted(&headers(&[(header::RANGE, range)]), &validators(), 1400),
            expected,
            "{range}"
        );
    }
    assert_eq!(
        wanted(&headers(&[(header::RANGE, "bytes=-5")]), &validators(), 0),
        Wanted::Nothing
    );
}

#[test]
fn a_range_of_another_state_gives_the_whole() {
    for (condition, part) in [
        ("\"v1\"", true),
        ("\"v2\"", false),
        ("W/\"v1\"", false),
        ("Tue, 14 Nov 2023 22:13:20 GMT", true),
        ("Tue, 14 Nov 2023 22:13:21 GMT", false),
    ] {
        let headers = headers(&[(header::RANGE, "bytes=0-9"), (header::IF_RANGE, condition)]);
        assert_eq!(
            wanted(&headers, &validators(), 1400) != Wanted::Whole,
            part,
            "{condition}"
        );
    }
}

#[test]
fn conditions_are_evaluated_in_their_order() {
    let table = [
        (
            vec![(header::IF_NONE_MATCH, "\"v1\"")],
            Freshness::NotModified,
        ),
        (
            vec![(header::IF_NONE_MATCH, "\"x\", W/\"v1\"")],
            Freshness::NotModified,
        ),
        (vec![(header::IF_NONE_MATCH, "*")], Freshness::NotModified),
        (vec![(header::IF_NONE_MATCH, "v1")], Freshness::Modified),
        (
            vec![(header::IF_MODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:20 GMT")],
            Freshness::NotModified,
        ),
        (
            vec![(header::IF_MODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:19 GMT")],
            Freshness::Modified,
        ),
        (
            vec![(header::IF_MODIFIED_SINCE, "soon")],
            Freshness::Modified,
        ),
        (
            vec![
                (header::IF_NONE_MATCH, "\"x\""),
                (header::IF_MODIFIED_SINCE, "Fri, 01 Jan 2100 00:00:00 GMT"),
            ],
            Freshness::Modified,
        ),
        (vec![(header::IF_MATCH, "\"v1\"")], Freshness::Modified),
        (vec![(header::IF_MATCH, "*")], Freshness::Modified),
        (vec![(header::IF_MATCH, "W/\"v1\"")], Freshness::Failed),
        (vec![(header::IF_MATCH, "\"x\", \"v2\"")], Freshness::Failed),
        (
            vec![
                (header::IF_MATCH, "\"v1\""),
                (header::IF_NONE_MATCH, "\"v1\""),
            ],
            Freshness::NotModified,
        ),
        (
            vec![(header::IF_UNMODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:19 GMT")],
            Freshness::Failed,
        ),
        (
            vec![(header::IF_UNMODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:20 GMT")],
            Freshness::Modified,
        ),
        (vec![], Freshness::Modified),
    ];
    for (pairs, expected) in table {
        assert_eq!(
            freshness(&headers(&pairs), &validators()),
            expected,
            "{pairs:?}"
        );
    }
}

#[test]
fn only_a_client_that_names_the_state_and_asks_nothing_else_has_it_for_sure() {
    let tag = (header::IF_NONE_MATCH, "\"x\", W/\"v1\"");
    for (pairs, expected) in [
        (vec![tag.clone()], true),
        (vec![(header::IF_NONE_MATCH, "*")], false),
        (vec![(header::IF_NONE_MATCH, "\"x\"")], false),
        (vec![tag.clone(), (header::IF_MATCH, "\"v2\"")], false),
        (
            vec![
                tag,
                (header::IF_UNMODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:19 GMT"),
            ],
            false,
        ),
        (vec![], false),
    ] {
        assert_eq!(has_it(&headers(&pairs), "\"v1\""), expected, "{pairs:?}");
    }
}

/// A changed preset may lead to a variant that was stored before the client's last answer.
#[test]
fn a_date_says_that_a_client_has_a_variant_only_if_it_is_its_own() {
    let variant = Validators {
        dates: Dates::Exact,
        ..validators()
    };
    for (since, expected) in [
        ("Tue, 14 Nov 2023 22:13:20 GMT", Freshness::NotModified),
        ("Tue, 14 Nov 2023 22:13:21 GMT", Freshness::Modified),
        ("Tue, 14 Nov 2023 22:13:19 GMT", Freshness::Modified),
    ] {
        let headers = headers(&[(header::IF_MODIFIED_SINCE, since)]);
        assert_eq!(freshness(&headers, &variant), expected, "{since}");
    }
}

#[test]
fn a_date_is_not_sent_within_the_second_of_the_change() {
    let after = |millis| {
        let now = validators().modified + Duration::from_millis(millis);
        last_modified(&validators(), now)
    };
    assert_eq!(after(0), None);
    assert_eq!(after(299), None);
    assert_eq!(after(300).as_deref(), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
}

#[test]
fn file_names_reach_the_client_whole() {
    let table = [
        ("my photo (1).jpg", "inline; filename=\"my photo (1).jpg\""),
        ("a;b,c.jpg", "inline; filename=\"a;b,c.jpg\""),
        (
            "a\"b.jpg",
            "inline; filename=\"a_b.jpg\"; filename*=UTF-8''a%22b.jpg",
        ),
        (
            "naïve ☃.jpg",
            "inline; filename=\"na_ve _.jpg\"; filename*=UTF-8''na%C3%AFve%20%E2%98%83.jpg",
        ),
        (
            "100%.jpg",
            "inline; filename=\"100_.jpg\"; filename*=UTF-8''100%25.jpg",
        ),
    ];
    for (name, expected) in table {
        assert_eq!(content_disposition(Disposition::Inline, name), expected);
    }
    assert!(content_disposition(Disposition::Attachment, "x").starts_with("attachment; "));
}

#[test]
fn a_variant_is_named_after_its_format() {
    let table = [
        ("photo.jpg", "photo.webp"),
        ("photo.webp", "photo.webp"),
        ("photo.WEBP", "photo.WEBP"),
        ("photo", "photo.webp"),
        ("archive.tar.png", "archive.tar.webp"),
        (".jpg", ".jpg.webp"),
    ];
    for (name, expected) in table {
        assert_eq!(with_extension(name, "webp", &["webp"]), expected);
    }
}

#[test]
fn what_is_not_for_all_is_private_and_nothing_outlives_its_url() {
    use Audience::{All, Asker};
    let usual = "public, max-age=2592000";
    let edge = "public, max-age=60, s-maxage=600, immutable, stale-while-revalidate=9";
    for (setting, audience, seconds, expected) in [
        (usual, All, None, usual),
        (usual, Asker, None, "private, max-age=2592000"),
        (usual, All, Some(90), "public, max-age=90"),
        (usual, Asker, Some(90), "private, max-age=90"),
        (usual, Asker, Some(9_999_999), "private, max-age=2592000"),
        (edge, All, Some(100), "public, max-age=60, s-maxage=100"),
        (
            edge,
            Asker,
            None,
            "private, max-age=60, immutable, stale-while-revalidate=9",
        ),
        (edge, Asker, Some(7), "private, max-age=7"),
        ("no-store", Asker, None, "private, no-store"),
        ("", All, Some(5), "max-age=5"),
        ("", Asker, None, "private"),
        ("max-age=x", All, Some(5), "max-age=5"),
    ] {
        let answer = cache_control(setting, audience, seconds);
        assert_eq!(answer, expected, "{setting} {audience:?} {seconds:?}");
    }
}
