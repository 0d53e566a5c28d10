use super::*;

const ROLES: [Option<Role>; 4] = [None, Some(Role::Read), Some(Role::Write), Some(Role::Admin)];
const PARTS: [Part; 3] = [Part::Original, Part::Preset, Part::Free];
const ACCESSES: [Option<Access>; 3] = [None, Some(Access::Public), Some(Access::Private)];

/// What may be found for what is asked for: no file, a picture, or something else.
fn found(asked: Part) -> Vec<Option<Found>> {
    let of = |serves| ACCESSES.map(|access| Some(Found { access, serves }));
    [of(asked), of(Part::Original)]
        .concat()
        .into_iter()
        .chain([None])
        .collect()
}

fn callers() -> impl Iterator<Item = Caller> {
    ROLES.into_iter().flat_map(|role| {
        [(false, false), (true, false), (false, true), (true, true)].map(|(signed, application)| {
            Caller {
                role,
                signed,
                application,
            }
        })
    })
}

fn rules() -> impl Iterator<Item = Rules> {
    let either = [Access::Public, Access::Private];
    either.into_iter().flat_map(move |default_access| {
        either.into_iter().flat_map(move |originals| {
            [Policy::All, Policy::Signed].map(|transforms| Rules {
                default_access,
                originals,
                transforms,
            })
        })
    })
}

/// Every role, credential, file, part and rule: what the answer must be, said in another way than the code
/// says it.
#[test]
fn every_caller_sees_what_it_may_and_nothing_else() {
    let mut cases = 0;
    for rules in rules() {
        for caller in callers() {
            for (part, found) in PARTS
                .into_iter()
                .flat_map(|p| found(p).into_iter().map(move |f| (p, f)))
            {
                cases += 1;
                let verdict = asset(rules, caller, part, found);
                let case = format!("{rules:?} {caller:?} {found:?} {part:?}: {verdict:?}");
                let trusted = caller.role.is_some() || caller.signed;
                let for_all = found.is_some_and(|found| {
                    let public = found.access.unwrap_or(rules.default_access) == Access::Public;
                    let bytes = found.serves == Part::Original;
                    public && !(bytes && rules.originals == Access::Private)
                });
                let needs_signature = part == Part::Free && rules.transforms == Policy::Signed;
                let expected = if needs_signature && !caller.signed {
                    Verdict::Forbidden(Forbidden::Unsigned)
                } else if for_all {
                    Verdict::Public
                } else if trusted && found.is_some() {
                    Verdict::Private
                } else if trusted {
                    Verdict::Missing
                } else if caller.application && found.is_some() {
                    Verdict::Ask(Granted::Private)
                } else if caller.application {
                    Verdict::Ask(Granted::Missing)
                } else {
                    Verdict::Forbidden(Forbidden::File)
                };
                assert_eq!(verdict, expected, "{case}");
            }
        }
    }
    assert_eq!(cases, 8 * 16 * 21);
}

/// Whoever may not see a file hears the same as of one that does not exist.
#[test]
fn a_forbidden_file_looks_like_a_missing_one() {
    for rules in rules() {
        for caller in callers().filter(|caller| caller.role.is_none() && !caller.signed) {
            for part in PARTS {
                let missing = asset(rules, caller, part, None);
                for serves in [part, Part::Original] {
                    let access = Some(Access::Private);
                    let private = asset(rules, caller, part, Some(Found { access, serves }));
                    let asks = |verdict| matches!(verdict, Verdict::Ask(_));
                    assert!(missing == private || (asks(missing) && asks(private)));
                }
            }
        }
    }
}

#[test]
fn a_route_is_for_its_role_and_those_above() {
    for role in ROLES {
        for needs in [Role::Write, Role::Admin] {
            let caller = Caller {
                role,
                signed: true,
                application: true,
            };
            let expected = role.is_some_and(|role| role >= needs);
            assert_eq!(route(caller, needs).is_ok(), expected, "{role:?} {needs:?}");
        }
    }
}
