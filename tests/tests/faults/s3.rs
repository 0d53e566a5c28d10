//! S3 is away, silent, and resets connections in the middle of a body.

use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::proxy::Mode;

use super::{Ended, ask, ask_until_there, behind_proxy, nothing_waits, setting};

/// An outage is nobody's fault here: jobs wait for its end, and become no dead letters.
#[tokio::test(flavor = "multi_thread")]
async fn while_s3_is_away_or_silent_nothing_is_lost() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    let settings = [endpoint, setting("THUMBMILL_S3_OPERATION_TIMEOUT", "3s")];
    let cluster = Cluster::distributed(1, 1, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    for (mode, width) in [(Mode::Refuse, 60), (Mode::Silent, 70)] {
        let path = format!("/assets/{id}?width={width}");
        proxy.set(mode);
        let ended = ask(cluster.client(), &cluster.url(&path)).await;
        assert_eq!(ended, Ended::Later, "{mode:?}");
        proxy.set(Mode::Pass);
        ask_until_there(&cluster, &path, width).await;
    }
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_s3_breaks_off_is_never_shown_as_a_whole() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    let cluster = Cluster::distributed(1, 1, &[endpoint]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(2000, 1500)).await;
    // Large enough not to be announced with its bytes: it is read from the store.
    let path = format!("/assets/{id}?width=1500&quality=95");
    ask_until_there(&cluster, &path, 1500).await;
    for most in [0, 200, 1_000, 20_000, 60_000, 100_000] {
        proxy.set(Mode::CutAfter(most));
        let ended = ask(cluster.client(), &cluster.url(&path)).await;
        let honest = [Ended::CutOff, Ended::Later, Ended::Picture(1500)];
        assert!(honest.contains(&ended), "after {most} bytes: {ended:?}");
        proxy.set(Mode::Pass);
        proxy.cut();
    }
    // A worker does not take a part of an original for the whole.
    proxy.set(Mode::CutAfter(50_000));
    let made = format!("/assets/{id}?width=77");
    let ended = ask(cluster.client(), &cluster.url(&made)).await;
    assert!([Ended::CutOff, Ended::Later].contains(&ended), "{ended:?}");
    proxy.set(Mode::Pass);
    ask_until_there(&cluster, &made, 77).await;
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}
