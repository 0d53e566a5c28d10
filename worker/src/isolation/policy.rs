//! What becomes of a worker whose renderers are locked in so, or not: a pure decision.

use thumbmill_shared::settings::Isolation;

use super::message::{Hello, Layer};

/// Who can reach the service that renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Only this machine: one process that listens on a loopback address, or on none.
    Machine,
    /// Others.
    Network,
}

/// What the system is, as far as renderers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    /// It has seccomp, unless its kernel or container lacks it.
    Linux,
    /// It has none.
    Other,
}

impl System {
    pub(super) fn here() -> Self {
        if cfg!(target_os = "linux") {
            Self::Linux
        } else {
            Self::Other
        }
    }
}

/// What becomes of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It starts.
    Start,
    /// It starts, and this is said.
    Warn(String),
    /// It does not, for this reason.
    Refuse(String),
}

/// Decides by what the first renderer said, where isolation is not off.
pub(super) fn decide(
    hello: &Hello,
    system: System,
    chosen: Isolation,
    audience: Audience,
) -> Decision {
    let layers = [("seccomp", &hello.seccomp), ("limits", &hello.limits)];
    let missing = layers.iter().filter_map(|(name, layer)| match layer {
        Layer::Missing(why) => Some(format!("{name}: {why}")),
        Layer::Whole | Layer::Partly => None,
    });
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Decision::Start;
    }
    let missing = missing.join("; ");
    let warning = format!("pictures are rendered in processes that are not locked in ({missing})");
    match (chosen, system, audience) {
        (Isolation::Preferred | Isolation::Off, _, _)
        | (Isolation::Required, System::Other, Audience::Machine) => Decision::Warn(warning),
        (Isolation::Required, System::Linux, _)
        | (Isolation::Required, System::Other, Audience::Network) => Decision::Refuse(format!(
            "THUMBMILL_ISOLATION=required, and this system does not lock renderers in ({missing}): allow it in the \
             kernel and the container, or set THUMBMILL_ISOLATION=preferred to render foreign pictures without it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(seccomp: &Layer, limits: &Layer, landlock: &Layer) -> Hello {
        Hello {
            limits: limits.clone(),
            seccomp: seccomp.clone(),
            landlock: landlock.clone(),
        }
    }

    #[test]
    fn required_is_refused_where_it_is_not_to_be_had_and_developers_on_other_systems_are_warned() {
        use Audience::{Machine, Network};
        use Isolation::{Preferred, Required};
        use System::{Linux, Other};
        let missing = Layer::Missing("no such call".to_owned());
        let incomplete = [
            hello(&missing, &Layer::Whole, &Layer::Whole),
            hello(&Layer::Whole, &missing, &Layer::Whole),
            hello(&missing, &missing, &missing),
        ];
        let table = [
            (Linux, Required, Machine, false),
            (Linux, Required, Network, false),
            (Linux, Preferred, Machine, true),
            (Linux, Preferred, Network, true),
            (Other, Required, Machine, true),
            (Other, Required, Network, false),
            (Other, Preferred, Machine, true),
            (Other, Preferred, Network, true),
        ];
        for (row, hello) in table
            .iter()
            .flat_map(|row| incomplete.iter().map(move |it| (row, it)))
        {
            let (system, chosen, audience, starts) = *row;
            let decision = decide(hello, system, chosen, audience);
            assert_eq!(matches!(decision, Decision::Warn(_)), starts, "{row:?}");
            let (Decision::Warn(text) | Decision::Refuse(text)) = decision else {
                panic!("{row:?} says nothing")
            };
            assert!(text.contains("no such call"), "{text}");
            assert_eq!(text.contains("THUMBMILL_ISOLATION"), !starts, "{text}");
        }
    }

    #[test]
    fn landlock_is_not_required() {
        let missing = Layer::Missing("not in this kernel".to_owned());
        for landlock in [Layer::Whole, Layer::Partly, missing] {
            let hello = hello(&Layer::Whole, &Layer::Whole, &landlock);
            let decision = decide(
                &hello,
                System::Linux,
                Isolation::Required,
                Audience::Network,
            );
            assert_eq!(decision, Decision::Start);
        }
    }
}
