//! The contract of the ledger of campaigns, on all its forms.

use serde_json::json;
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::campaigns::{
    Begin, Campaign, CampaignName, CampaignState, Campaigns, NUMBERS, Published, Settled,
};
use thumbmill_shared::outcome::{Failure, Reason};
use thumbmill_shared::readiness::{Hears, Readiness, ReadinessLocation};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_tests::cluster::variable;

fn ledgers(shutdown: &Shutdown) -> [Campaigns; 2] {
    let namespace = format!("t{}", uuid::Uuid::new_v4().simple());
    let namespace = namespace.parse().unwrap();
    let redis = variable("THUMBMILL_TEST_REDIS").parse().unwrap();
    [ReadinessLocation::Embedded, redis].map(|location| {
        let readiness = Readiness::open(&location, &namespace, Hears::Changes, shutdown);
        Campaigns::new(readiness.unwrap())
    })
}

fn request(width: u32) -> VariantRequest {
    serde_json::from_value(json!({"width": width})).unwrap()
}

fn failure(reason: Reason) -> Failure {
    Failure {
        reason,
        message: "Why \"not\"? {}".to_owned(),
    }
}

fn settled(number: Option<u32>, asset: AssetId, ends: &[(u32, Option<Failure>)]) -> Settled {
    let ends = ends.iter().cloned();
    Settled {
        number,
        begun_unix: None,
        asset,
        ends: ends.map(|(width, end)| (request(width), end)).collect(),
        cancelled: false,
    }
}

fn counts(campaign: &Campaign) -> [u64; 5] {
    [
        campaign.published,
        campaign.done,
        campaign.failures(),
        campaign.cancelled,
        campaign.outstanding(),
    ]
}

/// For the campaign as it is.
async fn publish(ledger: &Campaigns, name: &CampaignName, more: Published) {
    let begun = ledger.begin(name, Begin::AsItIs).await.unwrap();
    ledger.published(name, begun, more).await.unwrap();
}

async fn show(ledger: &Campaigns, name: &CampaignName) -> Campaign {
    ledger.show(name).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_numbered_job_counts_once_and_others_each_time() {
    let shutdown = Shutdown::default();
    let (name, asset) = ("c".parse().unwrap(), AssetId::random());
    for ledger in ledgers(&shutdown) {
        assert_eq!(ledger.show(&name).await.unwrap(), None);
        let begun = ledger.begin(&name, Begin::AsItIs).await.unwrap();
        assert_eq!(show(&ledger, &name).await.begun_unix, begun);
        assert_eq!(ledger.numbers(&name).await.unwrap(), 0);
        assert_eq!(ledger.numbers(&name).await.unwrap(), NUMBERS);
        let more = Published {
            originals: 2,
            published: 5,
            skipped: 3,
        };
        publish(&ledger, &name, more).await;
        let job = settled(Some(7), asset, &[(1, None), (2, None)]);
        for _ in 0..3 {
            ledger.settled(&name, &job).await.unwrap();
        }
        for _ in 0..2 {
            let job = settled(None, asset, &[(3, None)]);
            ledger.settled(&name, &job).await.unwrap();
        }
        let campaign = show(&ledger, &name).await;
        assert_eq!(counts(&campaign), [5, 4, 0, 0, 1], "{ledger:?}");
        assert_eq!((campaign.originals, campaign.skipped), (2, 3));
        assert_eq!(ledger.counted(&name, 0..NUMBERS).await.unwrap(), 1);
        let next = NUMBERS..2 * NUMBERS;
        assert_eq!(ledger.counted(&name, next).await.unwrap(), 0);
        assert!(campaign.per_second > 0.0);
        assert_eq!(ledger.list().await.unwrap().len(), 1);
    }
}

/// Redis was emptied and the campaign begun anew, with the same numbers: a job of before took the
/// place of one of now, whose failure was never told.
#[tokio::test]
async fn what_was_published_before_the_ledger_was_lost_does_not_count() {
    let shutdown = Shutdown::default();
    let (name, asset) = ("c".parse().unwrap(), AssetId::random());
    for ledger in ledgers(&shutdown) {
        let begun = ledger.begin(&name, Begin::AsItIs).await.unwrap();
        let more = Published {
            published: 1,
            ..Published::default()
        };
        ledger.published(&name, begun - 9, more).await.unwrap();
        ledger.published(&name, begun, more).await.unwrap();
        let failed = [(1, Some(failure(Reason::Corrupt)))];
        for (of, ends, expected) in [
            (begun - 9, &[(1, None)], [1, 0, 0, 0, 1]),
            (begun, &failed, [1, 0, 1, 0, 0]),
        ] {
            let job = Settled {
                begun_unix: Some(of),
                ..settled(Some(0), asset, ends)
            };
            ledger.settled(&name, &job).await.unwrap();
            assert_eq!(counts(&show(&ledger, &name).await), expected, "{ledger:?}");
        }
    }
}

/// A failure is replaced by how the same thumbnail ends later; the others of its original stay.
#[tokio::test]
async fn failures_are_listed_until_they_end_otherwise() {
    let shutdown = Shutdown::default();
    let (name, asset) = ("c".parse().unwrap(), AssetId::random());
    for ledger in ledgers(&shutdown) {
        let more = Published {
            published: 3,
            ..Published::default()
        };
        publish(&ledger, &name, more).await;
        let ends = [
            (1, None),
            (2, Some(failure(Reason::Corrupt))),
            (3, Some(failure(Reason::TooManyPixels))),
        ];
        ledger
            .settled(&name, &settled(Some(0), asset, &ends))
            .await
            .unwrap();
        let campaign = show(&ledger, &name).await;
        assert_eq!(counts(&campaign), [3, 1, 2, 0, 0], "{ledger:?}");
        let page = ledger.failed(&name, 0).await.unwrap();
        assert_eq!((page.failed.len(), page.next), (1, None));
        assert_eq!(page.failed[0].asset, asset);
        let expected = ends[1..]
            .iter()
            .map(|(width, end)| (request(*width), end.clone().unwrap()));
        assert_eq!(page.failed[0].variants, expected.collect::<Vec<_>>());

        // Tried again, one is made and one fails for another reason.
        let more = Published {
            published: 2,
            ..Published::default()
        };
        publish(&ledger, &name, more).await;
        let ends = [(2, None), (3, Some(failure(Reason::TooSlow)))];
        ledger
            .settled(&name, &settled(Some(1), asset, &ends))
            .await
            .unwrap();
        let campaign = show(&ledger, &name).await;
        assert_eq!(counts(&campaign), [3, 2, 1, 0, 0], "{ledger:?}");
        assert_eq!(campaign.failed, [(Reason::TooSlow, 1)].into());
        let last = settled(None, asset, &[(3, None)]);
        let more = Published {
            published: 1,
            ..Published::default()
        };
        publish(&ledger, &name, more).await;
        ledger.settled(&name, &last).await.unwrap();
        assert_eq!(
            counts(&show(&ledger, &name).await),
            [3, 3, 0, 0, 0],
            "{ledger:?}"
        );
        assert_eq!(ledger.failed(&name, 0).await.unwrap().failed, []);
    }
}

#[tokio::test]
async fn a_campaign_is_steered_and_goes_on_when_it_is_begun_again() {
    let shutdown = Shutdown::default();
    let (name, asset) = ("c".parse().unwrap(), AssetId::random());
    for ledger in ledgers(&shutdown) {
        assert!(!ledger.steer(&name, CampaignState::Paused).await.unwrap());
        assert_eq!(ledger.state(&name).await.unwrap(), CampaignState::Running);
        ledger.begin(&name, Begin::AsItIs).await.unwrap();
        let more = Published {
            published: 2,
            ..Published::default()
        };
        publish(&ledger, &name, more).await;
        for state in [CampaignState::Paused, CampaignState::Cancelled] {
            assert!(ledger.steer(&name, state).await.unwrap());
            assert_eq!(ledger.state(&name).await.unwrap(), state);
        }
        let thrown_away = Settled {
            cancelled: true,
            ..settled(Some(0), asset, &[(1, None), (2, None)])
        };
        ledger.settled(&name, &thrown_away).await.unwrap();
        let campaign = show(&ledger, &name).await;
        assert_eq!(counts(&campaign), [2, 0, 0, 2, 0], "{ledger:?}");
        ledger.begin(&name, Begin::AsItIs).await.unwrap();
        ledger.numbers(&name).await.unwrap();
        assert_eq!(ledger.state(&name).await.unwrap(), CampaignState::Cancelled);
        ledger.begin(&name, Begin::Again).await.unwrap();
        assert_eq!(counts(&show(&ledger, &name).await), [0, 0, 0, 0, 0]);
        assert_eq!(ledger.state(&name).await.unwrap(), CampaignState::Running);
    }
}

#[tokio::test]
async fn many_failures_come_in_parts() {
    let shutdown = Shutdown::default();
    let name = "c".parse().unwrap();
    for ledger in ledgers(&shutdown) {
        for number in 0..1500 {
            let job = settled(
                Some(number),
                AssetId::random(),
                &[(1, Some(failure(Reason::Corrupt)))],
            );
            ledger.settled(&name, &job).await.unwrap();
        }
        let (mut seen, mut from) = (std::collections::HashSet::new(), Some(0));
        while let Some(part) = from {
            let page = ledger.failed(&name, part).await.unwrap();
            seen.extend(page.failed.into_iter().map(|failed| failed.asset));
            from = page.next;
        }
        assert_eq!(seen.len(), 1500, "{ledger:?}");
    }
}
