//! Who may: one decision for every route, file and caller. Pure.

use std::net::IpAddr;

use thumbmill_shared::access::Role;
use thumbmill_shared::asset::Access;
use thumbmill_shared::preset::Policy;
use thumbmill_shared::settings::{Settings, WhoMay};

/// To whom everything is open that needs a token elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doors {
    /// Everybody.
    Open,
    /// Whoever calls this machine by a name of its own, such as `localhost`.
    Local,
    /// Nobody.
    Closed,
}

impl Doors {
    /// Of a listener at `address`.
    pub(crate) fn of(settings: &Settings, address: IpAddr) -> Self {
        match settings.access {
            WhoMay::Open => Self::Open,
            WhoMay::Local => Self::Local,
            WhoMay::Auto if settings.tokens.is_some() => Self::Closed,
            WhoMay::Auto if address.is_loopback() => Self::Local,
            WhoMay::Auto => Self::Closed,
        }
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Of the token, or because the doors are open.
    pub(crate) role: Option<Role>,
    /// Has the URL a good signature?
    pub(crate) signed: bool,
    /// May an application answer for this caller?
    pub(crate) application: bool,
}

/// What is asked of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The original's own bytes.
    Original,
    /// A preset, as it is configured.
    Preset,
    /// Any other variant.
    Free,
}

/// What the operator has decided of assets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Who may see files of which nothing else is said.
    pub(crate) default_access: Access,
    /// `Private`: originals are for those who may see private files.
    pub(crate) originals: Access,
    /// Which transforms clients may ask for.
    pub(crate) transforms: Policy,
}

/// May the caller see it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes, and so may everybody.
    Public,
    /// Yes, but not everybody.
    Private,
    /// Yes, but there is no such file.
    Missing,
    /// If the application says so; then it is as this.
    Ask(Granted),
    /// No.
    Forbidden(Forbidden),
}

/// What is granted when the application agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Granted {
    /// The file, as a private one.
    Private,
    /// To hear that there is none.
    Missing,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// There is no such file, or not for this caller.
    File,
    /// This transform needs a signature.
    Unsigned,
    /// The route is for this role.
    Role(Role),
}

/// A file that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What is said of its access.
    pub(crate) access: Option<Access>,
    /// What is served: of what is no picture always the original, whatever is asked for.
    pub(crate) serves: Part,
}

/// Decides about an asset that `asked` is of; `found` is `None` if there is no such file. Nothing
/// in the answer tells a caller who may not see a file whether it exists.
pub(crate) fn asset(rules: Rules, caller: Caller, asked: Part, found: Option<Found>) -> Verdict {
    if rules.transforms == Policy::Signed && asked == Part::Free && !caller.signed {
        return Verdict::Forbidden(Forbidden::Unsigned);
    }
    let access = |found: Found| found.access.unwrap_or(rules.default_access);
    let granted = match found {
        None => Granted::Missing,
        Some(found) => match (access(found), found.serves, rules.originals) {
            (Access::Private, _, _) | (Access::Public, Part::Original, Access::Private) => {
                Granted::Private
            }
            (Access::Public, Part::Original, Access::Public)
            | (Access::Public, Part::Preset | Part::Free, _) => return Verdict::Public,
        },
    };
    match granted {
        _ if !(caller.role.is_some() || caller.signed) => {
            if caller.application {
                Verdict::Ask(granted)
            } else {
                Verdict::Forbidden(Forbidden::File)
            }
        }
        Granted::Private => Verdict::Private,
        Granted::Missing => Verdict::Missing,
    }
}

/// Decides about a route that is for a role.
pub(crate) fn route(caller: Caller, needs: Role) -> Result<(), Forbidden> {
    match caller.role {
        Some(role) if role >= needs => Ok(()),
        Some(_) | None => Err(Forbidden::Role(needs)),
    }
}

#[cfg(test)]
mod tests;
