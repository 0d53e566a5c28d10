//! Mistakes that the protocol could have, to see that the search finds them.

/// One mistake in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A flight looks up before it listens, and does not look again.
    ListensAfterLooking,
    /// A flight never looks again, neither every second nor after a new subscription.
    NeverLooksAgain,
    /// A worker acknowledges a job when it has the lease.
    AcknowledgesFirst,
    /// A worker announces a variant before it is stored.
    AnnouncesFirst,
    /// A claim treats a job that came back as any other: the lease is its dead worker's.
    LeavesWhatComesAgain,
    /// A claim is won whoever has the lease.
    IgnoresLeases,
    /// A worker acknowledges a job when another one has the lease.
    AcknowledgesWhatIsHeld,
    /// A retry is acknowledged whether or not its publish was confirmed.
    TrustsUnconfirmedRetries,
    /// An api takes a publish that was not confirmed for accepted.
    TrustsUnconfirmedJobs,
    /// A failure leaves `pending` behind.
    KeepsPending,
    /// Jobs that were delivered too often are dropped.
    DropsExpired,
    /// Those who wait are told that a job is given up before it is a dead letter.
    BuriesBeforeTheLetter,
    /// A flight asks only Redis after a new subscription, not the store.
    TrustsRedisAfterSubscribing,
}
