//! The hash that series are found by: quick for texts as long as labels are, and the same in every
//! thread. It is no defence against texts that are made to collide; the limit of series is.

/// Digits of the fraction of π: any would do that have about as many ones as zeros.
const KEYS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

#[inline]
pub(crate) fn bytes(bytes: &[u8]) -> u64 {
    // By so much that two lengths differ in more than a bit or two.
    let mut hash = (bytes.len() as u64).wrapping_mul(KEYS[0] | 1);
    let mut rest = bytes;
    while rest.len() > 16
        && let Some((words, behind)) = rest.split_first_chunk::<16>()
    {
        hash = mixed(hash, halves(words));
        rest = behind;
    }
    // The last bytes, some of them twice where there are not sixteen.
    let last = match (bytes.last_chunk::<16>(), rest.first_chunk(), rest.last_chunk()) {
        (Some(words), ..) => halves(words),
        (_, Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => short(rest),
    };
    // Once more, for texts that differ in a digit or two.
    mixed(mixed(hash, last), (0, 0))
}

fn halves(words: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*words);
    (both as u64, (both >> 64) as u64)
}

/// Fewer than eight bytes.
fn short(rest: &[u8]) -> (u64, u64) {
    match (rest.first_chunk(), rest.last_chunk(), rest) {
        (Some(first), Some(last), _) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
        (.., [first, .., last]) => ((*first).into(), u64::from(rest[rest.len() / 2]) << 8 | u64::from(*last)),
        (.., [only]) => ((*only).into(), 0),
        (.., []) => (0, 0),
    }
}

/// In both halves of a product every bit of the one factor meets every bit of the other.
fn mixed(hash: u64, (one, other): (u64, u64)) -> u64 {
    let product = u128::from(hash ^ one ^ KEYS[0]) * u128::from(hash.rotate_left(32) ^ other ^ KEYS[1]);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Any twelve bits in a row tell the keys apart as well as chance would.
    fn assert_spread(keys: &[String]) {
        let hashes: Vec<u64> = keys.iter().map(|key| bytes(key.as_bytes())).collect();
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), keys.len());
        for shift in 0..=52 {
            let mut cells = [0u32; 1 << 12];
            for hash in &hashes {
                cells[(hash >> shift) as usize % (1 << 12)] += 1;
            }
            let mean = keys.len() as f64 / cells.len() as f64;
            let spread = cells.iter().map(|cell| (f64::from(*cell) - mean).powi(2) / mean).sum::<f64>();
            let of_chance = spread / cells.len() as f64;
            assert!((0.9..1.1).contains(&of_chance), "{of_chance} at bit {shift}, as for {:?}", keys[0]);
        }
    }

    #[test]
    fn texts_as_labels_have_them_are_spread_as_chance_would() {
        let methods = ["GET", "PUT", "POST", "DELETE"];
        let all = |text: &dyn Fn(usize, &str) -> String| -> Vec<String> {
            (0..20_000).flat_map(|number| methods.map(|method| text(number, method))).collect()
        };
        assert_spread(&all(&|number, method| format!("{method}/api/v1/res/{number:06}")));
        assert_spread(&all(&|number, method| format!("/api/v1/res/{number:06}\u{3}{method}")));
        assert_spread(&all(&|number, method| format!("{number}{method}")));
        assert_spread(&all(&|number, method| format!("{number:0>40}{method}")));
        for len in [5, 8, 16, 17, 32] {
            assert_spread(&(0..80_000).map(|number| format!("{number:0>len$}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_byte_of_every_length_counts() {
        let mut seen = HashSet::new();
        for len in 0..70 {
            let text = vec![b'a'; len];
            assert!(seen.insert(bytes(&text)));
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'b';
                assert!(seen.insert(bytes(&other)), "byte {at} of {len}");
                let flipped = (bytes(&other) ^ bytes(&text)).count_ones();
                assert!((10..54).contains(&flipped), "{flipped} bits for byte {at} of {len}");
            }
        }
    }
}
