//! A text of up to 16 bytes in one register: read, compared and mixed in a few instructions.
//!
//! Most values of labels are that short, and where a series is looked up in each call this is most
//! of the work.

use super::word::SHORT;
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
use super::word::by_parts;
use std::sync::atomic::AtomicU64;

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub(crate) use plain::Short;
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) use simd::Short;

/// What several texts come to, in their order: from this a search begins.
#[inline(always)]
pub(crate) fn mixed(low: u64, high: u64) -> usize {
    const LOW: u64 = 0x9e37_79b9_7f4a_7c15;
    const HIGH: u64 = 0x6a09_e667_f3bc_c909;
    // Every bit of the one half meets every bit of the other; and once more, for digits are alike.
    let product = u128::from(low ^ LOW) * u128::from(high ^ HIGH);
    (((product ^ product >> 64) as u64).wrapping_mul(LOW) >> 32) as usize
}

/// Adds a word to what those before it came to.
#[inline(always)]
pub(crate) fn mix((low, high): (u64, u64), word: (u64, u64)) -> (u64, u64) {
    let all = (u128::from(high) << 64 | u128::from(low)).rotate_left(32);
    (all as u64 ^ word.0, (all >> 64) as u64 ^ word.1)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod simd {
    use super::{AtomicU64, SHORT, mixed};
    use std::arch::asm;
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_load_si128, _mm_loadu_si128, _mm_movemask_epi8,
        _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi32, _mm_unpackhi_epi64, _mm_xor_si128,
    };

    /// The bytes of a text, and zeros behind them.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Short(__m128i);

    /// The smallest page of memory there is.
    const MEMORY_PAGE: usize = 4096;

    #[repr(align(16))]
    struct Kept([[u8; SHORT]; SHORT + 1]);

    /// What is kept of a register, by the number of bytes.
    static KEPT: Kept = {
        let mut kept = [[0; SHORT]; SHORT + 1];
        let mut bytes = 1;
        while bytes <= SHORT {
            kept[bytes] = (u128::MAX >> (128 - 8 * bytes)).to_le_bytes();
            bytes += 1;
        }
        Kept(kept)
    };

    /// Whether a text begins in the last bytes of a page.
    #[inline(always)]
    fn ends_page(text: &str) -> bool {
        !text.as_ptr().addr() & (MEMORY_PAGE - SHORT) == 0
    }

    /// `SHORT` bytes, whatever they are: the compiler knows nothing of those beside a text, and whoever writes to
    /// them meanwhile, they are not looked at.
    ///
    /// # Safety
    ///
    /// They lie in pages that can be read.
    #[inline(always)]
    unsafe fn read_from(start: *const u8) -> __m128i {
        let all;
        // SAFETY: as the caller says.
        unsafe {
            asm!("movdqu {all}, xmmword ptr [{start}]", start = in(reg) start, all = lateout(xmm_reg) all,
                options(pure, readonly, nostack, preserves_flags));
        }
        all
    }

    impl Short {
        /// Reads each text at once, with what lies behind it in the same page of memory, and takes
        /// that away. `None` where that can't be done.
        #[inline(always)]
        pub(crate) fn read<const N: usize>(texts: [&str; N]) -> Option<[Self; N]> {
            let (mut bytes, mut end) = (0, false);
            for text in texts {
                // Where no text is, nothing may be read.
                bytes |= text.len().wrapping_sub(1);
                end |= ends_page(text);
            }
            // SAFETY: what is asked for.
            (bytes < SHORT && !end).then(|| texts.map(|text| unsafe { Self::before(text) }))
        }

        /// The same of texts in the last bytes of a page too: of a program's own texts one in 256 is there, in
        /// every call. `None` if one is longer, or empty.
        #[inline(always)]
        pub(crate) fn read_at_end<const N: usize>(texts: [&str; N]) -> Option<[Self; N]> {
            let bytes = texts.iter().fold(0, |bytes, text| bytes | text.len().wrapping_sub(1));
            // SAFETY: each is read on the side where its page goes on.
            let read = |text: &str| unsafe { if ends_page(text) { Self::behind(text) } else { Self::before(text) } };
            (bytes < SHORT).then(|| texts.map(read))
        }

        /// A text before other bytes, which are masked.
        ///
        /// # Safety
        ///
        /// The text has 1 to `SHORT` bytes, and does not begin in the last `SHORT` of a page.
        #[inline(always)]
        unsafe fn before(text: &str) -> Self {
            // SAFETY: the page of the first byte can be read as that can.
            let all = unsafe { read_from(text.as_ptr()) };
            // SAFETY: there are masks for up to `SHORT` bytes, aligned.
            let kept = unsafe { _mm_load_si128(KEPT.0.as_ptr().add(text.len()).cast()) };
            // SAFETY: as above, SSE2.
            Self(unsafe { _mm_and_si128(all, kept) })
        }

        /// A text behind other bytes, which are shifted out.
        ///
        /// # Safety
        ///
        /// The text has 1 to `SHORT` bytes, and begins in the last `SHORT` of a page.
        #[inline(always)]
        unsafe fn behind(text: &str) -> Self {
            // SAFETY: up to the text its own page can be read, and behind its beginning is the text.
            let all = unsafe { read_from(text.as_ptr().wrapping_add(text.len()).wrapping_sub(SHORT)) };
            let (low, high) = Self(all).halves();
            let kept = (u128::from(high) << 64 | u128::from(low)) >> (8 * (SHORT - text.len()));
            // SAFETY: as above, SSE2.
            Self(unsafe { _mm_set_epi64x((kept >> 64) as i64, kept as i64) })
        }

        #[inline(always)]
        pub(crate) fn halves(self) -> (u64, u64) {
            // SAFETY: as in `read`.
            unsafe { (_mm_cvtsi128_si64(self.0) as u64, _mm_cvtsi128_si64(_mm_unpackhi_epi64(self.0, self.0)) as u64) }
        }

        /// Where the search for these begins: as `mix` of all, and `mixed` of that.
        #[inline(always)]
        pub(crate) fn mix_all(all: &[Self]) -> usize {
            // SAFETY: as in `read`.
            let mut sum = unsafe { _mm_setzero_si128() };
            for one in all {
                // SAFETY: as in `read`.
                sum = unsafe { _mm_xor_si128(_mm_shuffle_epi32::<0b10_01_00_11>(sum), one.0) };
            }
            let (low, high) = Self(sum).halves();
            mixed(low, high)
        }

        /// Whether these are the texts of an entry, two numbers each.
        ///
        /// # Safety
        ///
        /// Nobody writes to the entry, which has as many words.
        #[inline(always)]
        pub(crate) unsafe fn are(all: &[Self], entry: &[AtomicU64]) -> bool {
            debug_assert_eq!(entry.len(), 2 * all.len());
            let mut same = u32::MAX;
            for (at, one) in all.iter().enumerate() {
                // SAFETY: as in `read`; the entry's numbers lie one after the other, and stay.
                same &= unsafe {
                    let entry = _mm_loadu_si128(entry.as_ptr().add(2 * at).cast());
                    _mm_movemask_epi8(_mm_cmpeq_epi8(one.0, entry)).cast_unsigned()
                };
            }
            same & 0xffff == 0xffff
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
mod plain {
    use super::{AtomicU64, SHORT, by_parts, mix, mixed};
    use std::sync::atomic::Ordering::Relaxed;

    /// The bytes of a text, and zeros behind them.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Short(u64, u64);

    impl From<(u64, u64)> for Short {
        fn from((low, high): (u64, u64)) -> Self {
            Self(low, high)
        }
    }

    impl Short {
        /// `None` if one is longer.
        #[inline(always)]
        pub(crate) fn read<const N: usize>(texts: [&str; N]) -> Option<[Self; N]> {
            let short = texts.iter().all(|text| text.len() <= SHORT);
            short.then(|| texts.map(|text| by_parts(text.as_bytes()).into()))
        }

        /// There is nothing that `read` can't read and this can.
        #[inline(always)]
        pub(crate) fn read_at_end<const N: usize>(_: [&str; N]) -> Option<[Self; N]> {
            None
        }

        #[inline(always)]
        pub(crate) fn halves(self) -> (u64, u64) {
            (self.0, self.1)
        }

        /// Where the search for these begins.
        #[inline(always)]
        pub(crate) fn mix_all(all: &[Self]) -> usize {
            let (low, high) = all.iter().fold((0, 0), |sum, one| mix(sum, one.halves()));
            mixed(low, high)
        }

        /// Whether these are the texts of an entry, two numbers each.
        ///
        /// # Safety
        ///
        /// None is needed here.
        #[inline(always)]
        pub(crate) unsafe fn are(all: &[Self], entry: &[AtomicU64]) -> bool {
            let same = |(one, entry): (&Self, &[AtomicU64; 2])| {
                (entry[0].load(Relaxed), entry[1].load(Relaxed)) == one.halves()
            };
            all.iter().zip(entry.as_chunks().0).all(same)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::word::by_parts;
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn all_ways_to_read_a_text_agree_wherever_it_lies() {
        // Three pages; Miri, which takes its time, knows none.
        let memory: String =
            (0..if cfg!(miri) { 40 } else { 3 * 4096 }).map(|at| char::from(b'!' + (at % 89) as u8)).collect();
        for bytes in 0..=SHORT {
            for start in 0..memory.len() - bytes {
                let text = &memory[start..start + bytes];
                let mut expected = [0; SHORT];
                expected[..bytes].copy_from_slice(text.as_bytes());
                let expected = u128::from_le_bytes(expected);
                let (low, high) = by_parts(text.as_bytes());
                assert_eq!(u128::from(high) << 64 | u128::from(low), expected);
                for [read] in Short::read([text]).into_iter().chain(Short::read_at_end([text])) {
                    assert_eq!(read.halves(), (low, high));
                    let entry = [low, high].map(AtomicU64::new);
                    // SAFETY: nobody else knows the entry.
                    assert!(unsafe { Short::are(&[read], &entry) });
                    entry[usize::from(bytes > 8)].fetch_xor(1 << 63, Relaxed);
                    // SAFETY: as above.
                    assert!(!unsafe { Short::are(&[read], &entry) });
                    assert_eq!(Short::mix_all(&[read, read]), {
                        let (low, high) = mix((low, high), (low, high));
                        mixed(low, high)
                    });
                }
            }
        }
    }

    /// Texts that differ in a few digits, wherever these are.
    #[test]
    #[cfg_attr(miri, ignore = "it is about numbers alone, and many of them")]
    fn texts_that_are_alike_begin_at_different_places() {
        const TEXTS: usize = 512;
        const PLACES: usize = 1024;
        for len in [4, 7, 8, 9, 12, 15, 16] {
            for digits_at in 0..=len - 3 {
                for others in [&[][..], &["GET"], &["GET", "north", "a-longer-value"]] {
                    for first in [false, true] {
                        let mut places = std::collections::HashSet::new();
                        for number in 0..TEXTS {
                            let text = format!("{:-<digits_at$}{number:03}{:-<1$}", "", len - 3 - digits_at);
                            let word = |text: &str| by_parts(text.as_bytes());
                            let others = others.iter().map(|other| word(other));
                            let (low, high) = if first {
                                [word(&text)].into_iter().chain(others).fold((0, 0), mix)
                            } else {
                                others.chain([word(&text)]).fold((0, 0), mix)
                            };
                            places.insert(mixed(low, high) % PLACES);
                        }
                        // By chance it would be 403, and digits are not quite that.
                        assert!(places.len() > 300, "{} places of {len} bytes, digits at {digits_at}", places.len());
                    }
                }
            }
        }
    }
}
