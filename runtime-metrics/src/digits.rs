//! The digits of whole numbers.

/// How many a number has.
#[inline]
pub(crate) fn len(number: u64) -> usize {
    number.checked_ilog10().unwrap_or_default() as usize + 1
}

/// Writes the digits of a number into `room`, which has room for all, and zeros before them.
#[inline(always)]
pub(crate) fn write(number: u64, room: &mut [u8]) {
    let mut rest = number;
    let mut pairs = room.rchunks_exact_mut(2);
    for pair in &mut pairs {
        let at = (rest % 100) as usize * 2;
        pair.copy_from_slice(&PAIRS[at..at + 2]);
        rest /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + rest as u8;
    }
}

/// The digits of all numbers of two.
const PAIRS: [u8; 200] = {
    let mut pairs = [b'0'; 200];
    let mut at = 0;
    while at < 200 {
        pairs[at] += (at / 20) as u8;
        pairs[at + 1] += (at / 2 % 10) as u8;
        at += 2;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_digits() {
        for shift in 0..64 {
            for number in [u64::MAX >> shift, (1 << shift) - 1, (1 << shift) + 99, 10u64.pow(shift % 20)] {
                let mut room = [0; 20];
                write(number, &mut room[..len(number)]);
                assert_eq!(room[..len(number)], *number.to_string().as_bytes());
                write(number, &mut room);
                assert_eq!(room, *format!("{number:020}").as_bytes());
            }
        }
    }
}
