//! The size that a variant must have, as far as it follows from what is asked for.

use thumbmill_shared::transform::{Enlargement, Fit, Operation, Target, Transform};

type Size = (u32, u32);

/// Checks the size of a variant of an original that is stored as large as `stored`.
pub(crate) fn assert_size(found: Size, transform: &Transform, stored: Size) {
    let resized = without_edges(found, transform);
    assert!(resized.0 > 0 && resized.1 > 0, "{found:?}: {transform}");
    let Some(target) = transform.target else {
        return assert_kept(resized, transform, stored);
    };
    match transform.enlargement {
        Enlargement::Allowed => assert!(fills(resized, target), "{found:?}: {transform}"),
        Enlargement::Never => assert!(is_within(resized, target), "{found:?}: {transform}"),
    }
}

/// The size before `extend`, of which the last one counts.
fn without_edges((width, height): Size, transform: &Transform) -> Size {
    let extend = |operation: &Operation| match operation {
        Operation::Extend { edges, .. } => Some(*edges),
        _ => None,
    };
    let mut operations = transform.operations.as_slice().iter().rev();
    let [top, right, bottom, left] = operations.find_map(extend).unwrap_or_default();
    let within = |side: u32, edges: u32| side.checked_sub(edges).expect("edges are added");
    (within(width, left + right), within(height, top + bottom))
}

/// What is not resized is as large as what is kept of the original.
fn assert_kept(found: Size, transform: &Transform, stored: Size) {
    let operations = transform.operations.as_slice();
    let extract = |operation: &Operation| match operation {
        Operation::Extract { width, height, .. } => Some((width.get(), height.get())),
        _ => None,
    };
    if let Some(extracted) = operations.iter().rev().find_map(extract) {
        assert_eq!(found, extracted, "{transform}");
        return;
    }
    let depends_on_more = |operation: &Operation| {
        matches!(operation, Operation::Trim { .. } | Operation::Rotate { .. })
    };
    if !operations.iter().any(depends_on_more) {
        let turned = (stored.1, stored.0);
        assert!(found == stored || found == turned, "{found:?}: {transform}");
    }
}

fn fills((width, height): Size, target: Target) -> bool {
    match target {
        Target::Width(wanted) => width == wanted.get(),
        Target::Height(wanted) => height == wanted.get(),
        Target::Box {
            width: across,
            height: down,
            fit,
            focal: _,
        } => {
            let (across, down) = (across.get(), down.get());
            let touches = width == across || height == down;
            match fit {
                Fit::Cover | Fit::Contain => (width, height) == (across, down),
                Fit::Inside => touches && width <= across && height <= down,
                Fit::Outside => touches && width >= across && height >= down,
            }
        }
    }
}

/// What is never enlarged may be smaller than the target.
fn is_within((width, height): Size, target: Target) -> bool {
    match target {
        Target::Width(wanted) => width <= wanted.get(),
        Target::Height(wanted) => height <= wanted.get(),
        Target::Box {
            width: across,
            height: down,
            fit,
            focal: _,
        } => match fit {
            Fit::Cover | Fit::Contain | Fit::Inside => {
                width <= across.get() && height <= down.get()
            }
            // It is no smaller on one side than a box that may itself be smaller.
            Fit::Outside => width <= across.get() || height <= down.get(),
        },
    }
}
