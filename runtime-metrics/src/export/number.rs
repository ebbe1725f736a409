//! The digits of the numbers that most values are: whole ones, and those of a few decimal places.

/// The most places that are told this way.
pub(super) const PLACES: usize = 9;

/// The part before the point, the digits behind it, and how many places those take. `None` for
/// what is too large, too small or too long to be told this way.
///
/// Two decimals of up to 15 digits are never one float; so the one that is found is the shortest
/// there is, which is what Rust's own, slower way prints.
#[inline]
pub(super) fn digits(value: f64) -> Option<(u64, u64, usize)> {
    const DIGITS: f64 = 1e15;
    const SCALE: f64 = 1e9;
    let value = value.abs();
    if value < DIGITS && value.trunc() == value {
        return Some((value as u64, 0, 1));
    }
    let scaled = (value * SCALE).round();
    if !(1e-4..DIGITS / SCALE).contains(&value) || scaled / SCALE != value {
        return None;
    }
    let (whole, mut behind) = (scaled as u64 / SCALE as u64, scaled as u64 % SCALE as u64);
    let mut places = PLACES;
    while behind.is_multiple_of(10) && places > 1 {
        behind /= 10;
        places -= 1;
    }
    Some((whole, behind, places))
}
