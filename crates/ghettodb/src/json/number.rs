//! Numbers as JSON writes them: decimal texts of any length, whose value is never rounded.

use serde_json::Number;
use std::cmp::Ordering;

/// Whether other readers of JSON, which use doubles, can hold the number.
pub(crate) fn is_finite(number: &Number) -> bool {
    number.as_str().parse::<f64>().is_ok_and(f64::is_finite)
}

/// The parts of a number that is not zero: `0.0250e3` is the digits `25` after the point of
/// `0.25e2`, so its exponent is the written 3 and a shift of -1.
struct Parts<'n> {
    negative: bool,
    whole: &'n str,
    fraction: &'n str,
    /// As written, any number of digits.
    exponent: &'n str,
    /// Decimal places between the point as written and one right before the first digit.
    shift: i128,
}

/// None for zero.
fn parts(number: &Number) -> Option<Parts<'_>> {
    let text = number.as_str();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('0');
    let zeros = fraction.len() - fraction.trim_start_matches('0').len();
    let shift = match whole.is_empty() {
        true if zeros == fraction.len() => return None,
        true => -(zeros as i128),
        false => whole.len() as i128,
    };
    Some(Parts {
        negative,
        whole,
        fraction,
        exponent,
        shift,
    })
}

impl Parts<'_> {
    /// From the first digit that is not zero to the last.
    fn digits(&self) -> impl Iterator<Item = u8> {
        let whole = self.whole.bytes();
        let mut digits = whole.chain(self.fraction.bytes()).peekable();
        while digits.next_if_eq(&b'0').is_some() {}
        digits
    }
}

/// Compares two numbers by value, exactly, whatever their spelling.
pub(crate) fn compare_numbers(one: &Number, other: &Number) -> Ordering {
    if let (Ok(one), Ok(other)) = (one.as_str().parse::<i64>(), other.as_str().parse::<i64>()) {
        return one.cmp(&other);
    }
    let sign = |parts: &Option<Parts<'_>>| match parts {
        None => 0,
        Some(parts) if parts.negative => -1,
        Some(_) => 1,
    };
    match (parts(one), parts(other)) {
        (Some(one), Some(other)) if one.negative == other.negative => {
            let order = compare_magnitudes(&one, &other);
            if one.negative { order.reverse() } else { order }
        }
        (one, other) => sign(&one).cmp(&sign(&other)),
    }
}

fn compare_magnitudes(one: &Parts<'_>, other: &Parts<'_>) -> Ordering {
    let difference = difference(one.exponent, other.exponent) + (one.shift - other.shift);
    difference.cmp(&0).then_with(|| {
        let (mut one, mut other) = (one.digits(), other.digits());
        loop {
            match (one.next(), other.next()) {
                (None, None) => return Ordering::Equal,
                // Zeros at the end change nothing.
                (one, other) => match one.unwrap_or(b'0').cmp(&other.unwrap_or(b'0')) {
                    Ordering::Equal => {}
                    order => return order,
                },
            }
        }
    })
}

/// The difference of two decimal integers of any length; right up to 2^100, and beyond that no
/// nearer to zero, which is as good since no shift gets there.
fn difference(one: &str, other: &str) -> i128 {
    const LIMIT: i128 = 1 << 100;
    let split = |text| match str::strip_prefix(text, '-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let ((sign_one, one), (sign_other, other)) = (split(one), split(other));
    let length = one.len().max(other.len());
    let digit = |digits: &str, place: usize| {
        let index = (place + digits.len()).checked_sub(length);
        index.map_or(0, |index| i128::from(digits.as_bytes()[index] - b'0'))
    };
    (0..length).fold(0, |sum: i128, place| {
        let step = sign_one * digit(one, place) - sign_other * digit(other, place);
        (sum * 10 + step).clamp(-LIMIT, LIMIT)
    })
}

/// The number without what spelling adds: `1`, `1.0`, `10e-1` give the same text. None where the
/// exponent is beyond 64 bits.
pub(crate) fn canonical_number(number: &Number) -> Option<String> {
    let Some(parts) = parts(number) else {
        return Some("0".to_owned());
    };
    let mut digits: String = parts.digits().map(char::from).collect();
    digits.truncate(digits.trim_end_matches('0').len());
    let sign = if parts.negative { "-" } else { "" };
    let exponent = parts.exponent.parse::<i64>().ok()?;
    let shift = i64::try_from(parts.shift).ok()?;
    let exponent = exponent
        .checked_add(shift)?
        .checked_sub(digits.len() as i64)?;
    Some(match exponent {
        0 => format!("{sign}{digits}"),
        // Whole numbers of common size read as such.
        zeros @ 1..=20 => format!("{sign}{digits}{}", "0".repeat(zeros as usize)),
        exponent => format!("{sign}{digits}e{exponent}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::from_string_unchecked(text.to_owned())
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        // Each line is one value in several spellings; the lines ascend.
        let ascending: &[&[&str]] = &[
            &["-1e300"],
            &["-12345678901234567890.5"],
            &["-12345678901234567890"],
            &["-2", "-2.0", "-0.2e1", "-20e-1", "-2e+00"],
            &["-1.1", "-1.10"],
            &["-0.001", "-1e-3"],
            &["-1e-99999999999999999999999999999999999999999999999999"],
            &["0", "-0", "0.0", "0e9", "-0.000E-7"],
            &["1e-99999999999999999999999999999999999999999999999999"],
            &[
                "1e-99999999999999999999999999999999999999999999999998",
                "10e-99999999999999999999999999999999999999999999999999",
                "0.1e-99999999999999999999999999999999999999999999999997",
            ],
            &["1e-19"],
            &["0.0099"],
            &["0.01", "1e-2", "0.010"],
            &["1.1", "1.10", "11e-1"],
            &["1.10000000000000000000000000000000000001"],
            &["1000", "1e3", "1E+3", "1.000e0003", "0.1e4"],
            &["9007199254740992"],
            &["9007199254740993", "9007199254740993.0"],
            &["9223372036854775807"],
            &["9223372036854775808", "9.223372036854775808e18"],
            &["12345678901234567890"],
            &["12345678901234567891"],
            &["1e300"],
        ];
        let all: Vec<(usize, &str)> = ascending
            .iter()
            .enumerate()
            .flat_map(|(rank, spellings)| spellings.iter().map(move |text| (rank, *text)))
            .collect();
        for (rank, one) in &all {
            for (other_rank, other) in &all {
                assert_eq!(
                    compare_numbers(&number(one), &number(other)),
                    rank.cmp(other_rank),
                    "{one} and {other}"
                );
                let canonical = |text| canonical_number(&number(text));
                if let (Some(a), Some(b)) = (canonical(one), canonical(other)) {
                    assert_eq!(a == b, rank == other_rank, "{one} and {other}");
                }
            }
        }
    }

    #[test]
    fn an_exponent_beyond_64_bits_has_no_canonical_form() {
        assert_eq!(canonical_number(&number("1e-99999999999999999999")), None);
        assert_eq!(
            canonical_number(&number("1e-9223372036854775000")).as_deref(),
            Some("1e-9223372036854775000")
        );
    }
}
