use super::*;

#[test]
fn a_name_is_short_and_plain() {
    for (text, fits) in [
        ("spring-2026_a.b", true),
        ("", false),
        ("a b", false),
        ("a{b}", false),
        ("ü", false),
    ] {
        assert_eq!(text.parse::<CampaignName>().is_ok(), fits, "{text}");
    }
    assert!("x".repeat(65).parse::<CampaignName>().is_err());
}

#[test]
fn a_rate_is_that_of_the_last_minute_or_since_the_beginning() {
    let rate = |counts: &[u64], now, begun| per_second(counts.iter().copied(), now, begun);
    // The interval from 1000 has just begun; the first that counts began at 950.
    assert!((rate(&[0, 100, 100, 100, 100, 100], 1000, 0) - 10.0).abs() < 1e-9);
    assert!((rate(&[50, 0], 1005, 1000) - 10.0).abs() < 1e-9);
    assert!((rate(&[3], 1000, 1000) - 3.0).abs() < 1e-9);
}

#[test]
fn the_rest_takes_as_long_as_the_rate_says() {
    let mut campaign = Campaign {
        name: "spring".parse().unwrap(),
        state: CampaignState::Running,
        begun_unix: 0,
        changed_unix: 0,
        originals: 30,
        published: 100,
        skipped: 20,
        done: 30,
        failed: [(Reason::Corrupt, 9), (Reason::Unsupported, 1)].into(),
        cancelled: 10,
        per_second: 5.0,
    };
    assert_eq!((campaign.failures(), campaign.outstanding()), (10, 50));
    assert_eq!(campaign.left(), Some(Duration::from_secs(10)));
    campaign.per_second = 0.0;
    assert_eq!(campaign.left(), None);
    campaign.done += 50;
    assert_eq!(campaign.left(), Some(Duration::ZERO));
}
