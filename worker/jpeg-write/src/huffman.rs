//! The shortest codes for symbols counted (T.81 K.2, C.2). Knows nothing of what symbols mean.

/// No code of a JPEG is longer (T.81 B.2.4.2).
const LONGEST: usize = 16;

/// A table as the file spells it: how many codes of each length, and their symbols in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HuffmanTable {
    /// Codes of one bit, of two, up to sixteen.
    pub(crate) lengths: [u8; LONGEST],
    /// From the shortest code to the longest.
    pub(crate) symbols: Vec<u8>,
}

impl HuffmanTable {
    /// The table with which symbols that occur so often take the fewest bits.
    pub(crate) fn best(counts: &[u32; 256]) -> Self {
        let mut order: Vec<(u32, u8)> = counts.iter().copied().zip(0..=u8::MAX).collect();
        order.retain(|&(count, _)| count > 0);
        order.sort_unstable();
        // No code may be all ones: a guest who never occurs takes the last one (T.81 K.2).
        let leaves: Vec<u64> = std::iter::once(0)
            .chain(order.iter().map(|&(count, _)| u64::from(count)))
            .collect();
        let mut codes_of_length = limited(&tree_depths(&leaves));
        if let Some(longest) = codes_of_length.iter_mut().rev().find(|codes| **codes > 0) {
            *longest -= 1;
        }
        Self {
            lengths: codes_of_length,
            symbols: order.iter().rev().map(|&(_, symbol)| symbol).collect(),
        }
    }

    /// Each symbol with its code and the code's length in bits (T.81 Figure C.2).
    pub(crate) fn codes(&self) -> impl Iterator<Item = (u8, u16, u8)> {
        let lengths = (1_u8..).zip(self.lengths);
        let lengths = lengths.flat_map(|(length, codes)| (0..codes).map(move |_| length));
        let mut next = 0_u32;
        let mut last_length = 0;
        self.symbols
            .iter()
            .zip(lengths)
            .map(move |(&symbol, length)| {
                next <<= length - last_length;
                last_length = length;
                let code = u16::try_from(next).unwrap_or(u16::MAX);
                next += 1;
                (symbol, code, length)
            })
    }
}

/// How many leaves of a Huffman tree lie at each depth; the weights come in rising order.
///
/// As no joint is lighter than the one made before it, the two lightest trees are always at the
/// heads of two queues, the leaves' and the joints'.
#[expect(
    clippy::indexing_slicing,
    reason = "every index is that of a node already made"
)]
fn tree_depths(leaves: &[u64]) -> Vec<u16> {
    let joints = leaves.len().saturating_sub(1);
    let mut weights = leaves.to_vec();
    let mut parents = vec![0; leaves.len() + joints];
    let (mut next_leaf, mut next_joint) = (0, leaves.len());
    for joint in leaves.len()..leaves.len() + joints {
        let mut weight = 0;
        for _ in 0..2 {
            let leaf_is_lighter = next_leaf < leaves.len()
                && (next_joint == joint || weights[next_leaf] <= weights[next_joint]);
            let lightest = if leaf_is_lighter {
                &mut next_leaf
            } else {
                &mut next_joint
            };
            weight += weights[*lightest];
            parents[*lightest] = joint;
            *lightest += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0_usize; leaves.len() + joints];
    let mut leaves_at = vec![0; leaves.len().max(LONGEST + 1)];
    for node in (0..(leaves.len() + joints).saturating_sub(1)).rev() {
        depths[node] = depths[parents[node]] + 1;
        if node < leaves.len() {
            leaves_at[depths[node]] += 1;
        }
    }
    leaves_at
}

/// Shortens codes of more than sixteen bits at the cost of the next shorter ones (T.81 Figure K.3).
#[expect(
    clippy::indexing_slicing,
    reason = "lengths go down from the last one and stay above 0"
)]
fn limited(codes_of_length: &[u16]) -> [u8; LONGEST] {
    let mut codes = codes_of_length.to_vec();
    for length in (LONGEST + 1..codes.len()).rev() {
        while codes[length] > 0 {
            // Two codes share all but their last bit: one takes their shared part, the other goes
            // beside a shorter code that gets a bit more.
            let mut shorter = length - 2;
            while codes[shorter] == 0 {
                shorter -= 1;
            }
            codes[length] -= 2;
            codes[length - 1] += 1;
            codes[shorter + 1] += 2;
            codes[shorter] -= 1;
        }
    }
    std::array::from_fn(|index| u8::try_from(codes[index + 1]).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(counts: &[u32; 256]) -> Vec<(u8, u16, u8)> {
        let codes: Vec<_> = HuffmanTable::best(counts).codes().collect();
        let used = counts.iter().filter(|&&count| count > 0).count();
        assert_eq!(codes.len(), used);
        for (i, &(symbol, code, length)) in codes.iter().enumerate() {
            assert!(counts[usize::from(symbol)] > 0);
            assert!((1..=16).contains(&length));
            assert!(
                u32::from(code) + 1 < 1 << length,
                "{symbol} has a code of ones only"
            );
            for &(other, longer, its_length) in &codes[i + 1..] {
                assert_ne!(symbol, other);
                assert_ne!(
                    longer >> (its_length - length),
                    code,
                    "{symbol} begins {other}"
                );
            }
        }
        codes
    }

    #[test]
    fn one_symbol_takes_one_bit() {
        let mut counts = [0; 256];
        counts[0xF0] = 3;
        assert_eq!(check(&counts), [(0xF0, 0, 1)]);
    }

    #[test]
    fn the_frequent_have_the_short_codes() {
        let mut counts = [0; 256];
        (counts[1], counts[2], counts[3], counts[4]) = (50, 20, 10, 5);
        let lengths: Vec<_> = check(&counts)
            .iter()
            .map(|&(s, _, length)| (s, length))
            .collect();
        assert_eq!(lengths, [(1, 1), (2, 2), (3, 3), (4, 4)]);
    }

    #[test]
    fn counts_that_ask_for_codes_of_forty_bits_get_sixteen() {
        let mut counts = [0; 256];
        let (mut last, mut next) = (1, 1);
        for count in &mut counts[..44] {
            *count = next;
            (last, next) = (next, last + next);
        }
        assert_eq!(check(&counts).last().unwrap().2, 16);
    }

    #[test]
    fn all_symbols_alike_take_eight_or_nine_bits() {
        let codes = check(&[7; 256]);
        assert!(
            codes
                .iter()
                .all(|&(_, _, length)| length == 8 || length == 9)
        );
    }

    proptest! {
        #[test]
        fn any_counts_give_a_prefix_code(
            counts in prop::collection::vec(prop_oneof![Just(0), 1_u32..9, any::<u32>()], 256)
        ) {
            check(&counts.try_into().unwrap());
        }
    }
}
