//! How many bytes are how old, and from which date on they fit: pure arithmetic in bounded memory.

use std::collections::BTreeMap;

/// At most so many spans of time are told apart, in 3 MB of memory.
const MOST_SPANS: usize = 65_536;

/// Bytes by the date of their objects. It begins with a span for each second; when there are too
/// many of them, all become twice as long.
#[derive(Clone, Debug)]
pub(super) struct Ages {
    /// Objects of this second and later are kept whatever their number.
    young_from_unix: u64,
    young_bytes: u64,
    /// Bytes by the number of their span, which is 2 to the power of `doublings` seconds long.
    spans: BTreeMap<u64, u64>,
    doublings: u32,
}

impl Ages {
    /// Of no object yet.
    pub(super) fn new(young_from_unix: u64) -> Self {
        Self {
            young_from_unix,
            young_bytes: 0,
            spans: BTreeMap::new(),
            doublings: 0,
        }
    }

    /// Counts an object.
    pub(super) fn add(&mut self, modified_unix: u64, length_bytes: u64) {
        if modified_unix >= self.young_from_unix {
            self.young_bytes = self.young_bytes.saturating_add(length_bytes);
            return;
        }
        let bytes = self
            .spans
            .entry(modified_unix >> self.doublings)
            .or_default();
        *bytes = bytes.saturating_add(length_bytes);
        while self.spans.len() > MOST_SPANS {
            self.double();
        }
    }

    fn double(&mut self) {
        self.doublings += 1;
        let mut spans = BTreeMap::new();
        for (span, bytes) in std::mem::take(&mut self.spans) {
            let sum: &mut u64 = spans.entry(span >> 1).or_default();
            *sum = sum.saturating_add(bytes);
        }
        self.spans = spans;
    }

    /// What has to go so that the youngest `keep_bytes` stay.
    pub(super) fn cut(&self, keep_bytes: u64) -> Cut {
        let mut kept = self.young_bytes;
        for (span, bytes) in self.spans.iter().rev() {
            let with = kept.saturating_add(*bytes);
            if with > keep_bytes {
                return Cut {
                    from_unix: span << self.doublings,
                    until_unix: (span + 1) << self.doublings,
                    // Never more than the span has.
                    surplus_bytes: (with - keep_bytes).min(*bytes),
                };
            }
            kept = with;
        }
        Cut {
            from_unix: 0,
            until_unix: 0,
            surplus_bytes: 0,
        }
    }
}

/// Which objects have to go: all that are older than a span of time, and of those in the span as
/// many as are too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) from_unix: u64,
    until_unix: u64,
    surplus_bytes: u64,
}

impl Cut {
    /// Does this object have to go? Asked once for each, in any order.
    pub(super) fn takes(&mut self, modified_unix: u64, length_bytes: u64) -> bool {
        if modified_unix < self.from_unix {
            return true;
        }
        if modified_unix >= self.until_unix || self.surplus_bytes == 0 {
            return false;
        }
        self.surplus_bytes = self.surplus_bytes.saturating_sub(length_bytes);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What stays of objects of one date and length each.
    fn kept(objects: &[(u64, u64)], keep_bytes: u64, young_from: u64) -> Vec<(u64, u64)> {
        let mut ages = Ages::new(young_from);
        for (date, bytes) in objects {
            ages.add(*date, *bytes);
        }
        let mut cut = ages.cut(keep_bytes);
        let stays = |(date, bytes): &&(u64, u64)| !cut.takes(*date, *bytes);
        objects.iter().filter(stays).copied().collect()
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        let objects = [(30, 5), (10, 5), (20, 5), (40, 5)];
        for (keep_bytes, expected) in [
            (100, &[30, 10, 20, 40][..]),
            (20, &[30, 10, 20, 40]),
            (19, &[30, 20, 40]),
            (15, &[30, 20, 40]),
            (9, &[40]),
            (0, &[]),
        ] {
            let dates: Vec<_> = kept(&objects, keep_bytes, 100)
                .iter()
                .map(|(date, _)| *date)
                .collect();
            assert_eq!(dates, expected, "{keep_bytes}");
        }
    }

    #[test]
    fn of_one_date_no_more_go_than_have_to() {
        let objects = [(10, 5); 10];
        assert_eq!(kept(&objects, 42, 100).len(), 8);
        assert_eq!(kept(&objects, 50, 100).len(), 10);
    }

    #[test]
    fn young_objects_stay_though_they_alone_are_too_much() {
        let objects = [(10, 5), (99, 50), (100, 60), (u64::MAX, 5)];
        assert_eq!(kept(&objects, 20, 100), [(100, 60), (u64::MAX, 5)]);
        assert_eq!(kept(&objects, 0, 100), [(100, 60), (u64::MAX, 5)]);
        assert_eq!(kept(&objects, 115, 100).len(), 3);
    }

    #[test]
    fn memory_is_bounded_and_the_order_of_dates_stays() {
        let mut ages = Ages::new(u64::MAX);
        let years: u64 = 10 * 365 * 86_400;
        for date in (0..years).step_by(99) {
            ages.add(date, 1);
            assert!(ages.spans.len() <= MOST_SPANS);
        }
        let all = years.div_ceil(99);
        let mut cut = ages.cut(all / 10);
        let taken = (0..years).step_by(99).filter(|date| cut.takes(*date, 1));
        assert_eq!(taken.count() as u64, all - all / 10);
        assert!(cut.from_unix.abs_diff(years / 10 * 9) < 20_000);
    }

    proptest! {
        #[test]
        fn what_stays_fits_and_is_the_youngest(
            objects in prop::collection::vec((0..200_u64, 1..50_u64), 0..200),
            keep_bytes in 0..5_000_u64,
            young_from in 100..300_u64,
        ) {
            let stays = kept(&objects, keep_bytes, young_from);
            let young: u64 = objects.iter().filter(|(date, _)| *date >= young_from).map(|(_, b)| b).sum();
            let bytes: u64 = stays.iter().map(|(_, bytes)| bytes).sum();
            prop_assert!(bytes <= keep_bytes.max(young));
            // None of an older second than one that went, but for the second of the cut.
            let oldest = stays.iter().map(|(date, _)| *date).min().unwrap_or(u64::MAX);
            let younger = objects.iter().filter(|(date, _)| *date > oldest).count();
            prop_assert_eq!(stays.iter().filter(|(date, _)| *date > oldest).count(), younger);
            // As many as fit, but for one object.
            let all: u64 = objects.iter().map(|(_, bytes)| bytes).sum();
            if all > keep_bytes && keep_bytes > young {
                prop_assert!(bytes + 50 > keep_bytes);
            }
        }
    }
}
