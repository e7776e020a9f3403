//! FEEL's numbers: decimals of 34 digits, rounded half-even; whole ones that fit run as `i64`.
//!
//! A number keeps its scale (`1.10` is written `1.10`), but equals by value. Knows nothing of
//! other values; an operation whose result is out of range gives `None`.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use bigdecimal::num_bigint::{BigInt, BigUint, Sign};
use bigdecimal::{BigDecimal, Signed, ToPrimitive, Zero};

pub(crate) use bigdecimal::RoundingMode;

/// The digits that an operation keeps.
const PRECISION: u64 = 34;
/// No number is larger than `10^MAX_EXPONENT` or finer than its inverse.
const MAX_EXPONENT: i64 = i32::MAX as i64;
/// Rounding to a scale beyond this would only fill memory with zeros.
const MAX_SCALE: i64 = 6176;
/// The longest number that is written without an exponent.
const MAX_PLAIN_DIGITS: i64 = 1000;

/// A decimal number; operations round to 34 significant digits, while one read from JSON keeps
/// all the digits it came with.
#[derive(Clone, Debug)]
pub struct Number(Repr);

#[derive(Clone, Debug)]
enum Repr {
    /// Whole, scale 0.
    Integer(i64),
    /// Everything else, and only that: a whole number of scale 0 that fits is an `Integer`.
    Decimal(Arc<BigDecimal>),
    /// `-0.0`, which JSON has and decimals don't: it counts as `0.0`, but is written as it came.
    NegativeZero,
}

impl Number {
    /// The number as an `i64`, if it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(n) => Some(*n),
            Repr::NegativeZero => Some(0),
            Repr::Decimal(n) if n.is_integer() && order_of_magnitude(n) <= 19 => {
                n.with_scale(0).into_bigint_and_scale().0.to_i64()
            }
            Repr::Decimal(_) => None,
        }
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            #[expect(
                clippy::cast_precision_loss,
                reason = "the nearest double is what is asked for"
            )]
            Repr::Integer(n) => *n as f64,
            Repr::NegativeZero => -0.0,
            Repr::Decimal(n) => {
                let (digits, scale) = n.as_bigint_and_scale();
                let text = format!("{digits}e{}", -scale);
                text.parse().expect("digits and an exponent are a double")
            }
        }
    }

    /// The whole part, cut to the range of `i32`.
    pub(crate) fn to_i32(&self) -> i32 {
        let clamp = |n: i64| n.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        match &self.0 {
            Repr::Integer(n) => clamp(*n),
            Repr::NegativeZero => 0,
            Repr::Decimal(n) if order_of_magnitude(n) <= 0 => 0,
            Repr::Decimal(n) if order_of_magnitude(n) > 10 => {
                if n.is_negative() {
                    i32::MIN
                } else {
                    i32::MAX
                }
            }
            Repr::Decimal(n) => clamp(
                n.with_scale(0)
                    .into_bigint_and_scale()
                    .0
                    .to_i64()
                    .unwrap_or(0),
            ),
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        match &self.0 {
            Repr::Integer(n) => *n == 0,
            Repr::Decimal(n) => n.is_zero(),
            Repr::NegativeZero => true,
        }
    }

    pub(crate) fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Integer(n) => *n < 0,
            Repr::Decimal(n) => n.is_negative(),
            Repr::NegativeZero => false,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        match &self.0 {
            Repr::Integer(_) | Repr::NegativeZero => true,
            Repr::Decimal(n) => n.is_integer(),
        }
    }

    /// Reads digits with an optional sign, fraction and exponent, as in JSON and `number()`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(n) = text.parse() {
            return Some(Number(Repr::Integer(n)));
        }
        let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
        if !text.bytes().all(plain) || !text.bytes().any(|b| b.is_ascii_digit()) {
            return None;
        }
        let decimal: BigDecimal = text.parse().ok()?;
        if decimal.is_zero() && text.starts_with('-') {
            return Some(Number(Repr::NegativeZero));
        }
        Self::from_decimal(decimal)
    }

    /// A double, with the digits that Java gives it: the shortest that name it, at least one
    /// of them after the point. `None` for what is not a number.
    pub(crate) fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent: i64 = exponent.parse().ok()?;
        let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len() as i64);
        let scale = if (1e-3..1e7).contains(&value.abs()) {
            (fraction - exponent).max(1)
        } else {
            fraction.max(1) - exponent
        };
        let digits: BigDecimal = text.parse().ok()?;
        Self::from_decimal(digits.with_scale(scale))
    }

    /// `None` if it is out of range.
    fn from_decimal(decimal: BigDecimal) -> Option<Self> {
        let (digits, scale) = decimal.as_bigint_and_scale();
        if scale == 0
            && let Some(n) = digits.to_i64()
        {
            return Some(Number(Repr::Integer(n)));
        }
        if scale.abs() > MAX_EXPONENT || order_of_magnitude(&decimal).abs() > MAX_EXPONENT {
            return None;
        }
        Some(Number(Repr::Decimal(Arc::new(decimal))))
    }

    fn to_decimal(&self) -> BigDecimal {
        match &self.0 {
            Repr::Integer(n) => BigDecimal::from(*n),
            Repr::Decimal(n) => BigDecimal::clone(n),
            Repr::NegativeZero => BigDecimal::new(BigInt::zero(), 1),
        }
    }

    pub(crate) fn add(&self, other: &Number) -> Option<Number> {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0)
            && let Some(sum) = a.checked_add(*b)
        {
            return Some(sum.into());
        }
        Self::from_decimal(add_decimals(self.to_decimal(), other.to_decimal()))
    }

    pub(crate) fn sub(&self, other: &Number) -> Option<Number> {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0)
            && let Some(difference) = a.checked_sub(*b)
        {
            return Some(difference.into());
        }
        Self::from_decimal(add_decimals(self.to_decimal(), -other.to_decimal()))
    }

    pub(crate) fn mul(&self, other: &Number) -> Option<Number> {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0)
            && let Some(product) = a.checked_mul(*b)
        {
            return Some(product.into());
        }
        Self::from_decimal(rounded(
            mul_decimals(&self.to_decimal(), &other.to_decimal()),
            PRECISION,
        ))
    }

    /// `None` also for a division by zero.
    pub(crate) fn div(&self, other: &Number) -> Option<Number> {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0)
            && let (Some(0), Some(quotient)) = (a.checked_rem(*b), a.checked_div(*b))
        {
            return Some(quotient.into());
        }
        if other.is_zero() {
            return None;
        }
        Self::from_decimal(div_decimals(
            &self.to_decimal(),
            &other.to_decimal(),
            PRECISION,
        ))
    }

    /// What is left of a division towards zero; `None` also if the divisor is zero or if the
    /// quotient has more digits than a number keeps.
    pub(crate) fn rem(&self, other: &Number) -> Option<Number> {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0)
            && let Some(remainder) = a.checked_rem(*b)
        {
            return Some(remainder.into());
        }
        let (a, b) = (self.to_decimal(), other.to_decimal());
        let gap = order_of_magnitude(&a) - order_of_magnitude(&b);
        if b.is_zero() || (!a.is_zero() && gap > PRECISION as i64) {
            return None;
        }
        if a.is_zero() || gap < 0 {
            return Self::from_decimal(rounded(a, PRECISION));
        }
        let scale = a.fractional_digit_count().max(b.fractional_digit_count());
        let digits = |n: BigDecimal| n.with_scale(scale).into_bigint_and_scale().0;
        let remainder = digits(a) % digits(b);
        Self::from_decimal(rounded(BigDecimal::new(remainder, scale), PRECISION))
    }

    /// The power to a whole exponent. `None` also for zero to a negative exponent.
    pub(crate) fn pow(&self, exponent: i64) -> Option<Number> {
        const MAX: u64 = 999_999_999;
        let magnitude = exponent.unsigned_abs();
        if magnitude > MAX || (self.is_zero() && exponent < 0) {
            return None;
        }
        let in_range =
            |n: BigDecimal| (n.fractional_digit_count().abs() <= MAX_EXPONENT).then_some(n);
        let precision = PRECISION + u64::from(magnitude.max(1).ilog10()) + 2;
        let base = self.to_decimal();
        let mut power = BigDecimal::from(1);
        for bit in (0..magnitude.checked_ilog2().map_or(0, |top| top + 1)).rev() {
            power = in_range(rounded(mul_decimals(&power, &power), precision))?;
            if magnitude >> bit & 1 == 1 {
                power = in_range(rounded(mul_decimals(&power, &base), precision))?;
            }
        }
        if exponent < 0 {
            power = div_decimals(&BigDecimal::from(1), &power, precision);
        }
        Self::from_decimal(rounded(power, PRECISION))
    }

    pub(crate) fn neg(&self) -> Number {
        if let Repr::Integer(n) = self.0
            && let Some(negated) = n.checked_neg()
        {
            return negated.into();
        }
        let exact = -self.to_decimal();
        // Rounding may carry a number out of range that was just within it.
        Self::from_decimal(rounded(exact.clone(), PRECISION))
            .or_else(|| Self::from_decimal(exact))
            .expect("it is as large as it was")
    }

    pub(crate) fn abs(&self) -> Number {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }

    /// Rounds to so many digits after the point; `None` if that is beyond all reason.
    pub(crate) fn round(&self, scale: i64, mode: RoundingMode) -> Option<Number> {
        if let (Repr::Integer(_), 0) = (&self.0, scale) {
            return Some(self.clone());
        }
        let decimal = self.to_decimal();
        let added = scale - decimal.fractional_digit_count();
        if scale.abs() > MAX_SCALE || (!decimal.is_zero() && added > MAX_SCALE) {
            return None;
        }
        Self::from_decimal(decimal.with_scale_round(scale, mode))
    }

    /// As JSON: without an exponent, and without zeros at the end of a fraction. Beyond a
    /// thousand digits there is an exponent after all.
    pub(crate) fn to_json(&self) -> String {
        match &self.0 {
            Repr::Integer(n) => n.to_string(),
            Repr::NegativeZero => "-0.0".to_owned(),
            Repr::Decimal(n) => {
                let n = n.normalized();
                let scale = n.fractional_digit_count();
                if scale.abs().max(order_of_magnitude(&n).abs()) > MAX_PLAIN_DIGITS {
                    return java_text(&n);
                }
                n.to_plain_string()
            }
        }
    }

    /// All digits as they are kept, without an exponent.
    pub fn to_plain(&self) -> String {
        match &self.0 {
            Repr::Decimal(n) if n.is_zero() && n.fractional_digit_count() < 0 => "0".to_owned(),
            Repr::Decimal(n) if n.fractional_digit_count().abs() <= MAX_SCALE => {
                n.to_plain_string()
            }
            Repr::Decimal(_) | Repr::Integer(_) | Repr::NegativeZero => self.to_json(),
        }
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Number(Repr::Integer(n))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Integer(a), Repr::Integer(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        self.to_decimal().cmp(&other.to_decimal())
    }
}

/// As FEEL writes it: with all its zeros, and with an exponent where Java puts one.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Integer(n) => n.fmt(f),
            Repr::NegativeZero => f.write_str("0.0"),
            Repr::Decimal(n) => f.write_str(&java_text(n)),
        }
    }
}

/// Plain if there is a fraction not smaller than `0.000001`, else with an exponent.
fn java_text(n: &BigDecimal) -> String {
    let (digits, scale) = n.as_bigint_and_scale();
    let magnitude = digits.magnitude().to_string();
    let exponent = magnitude.len() as i64 - 1 - scale;
    if scale == 0 || (scale > 0 && exponent >= -6) {
        return n.to_plain_string();
    }
    let sign = if digits.is_negative() { "-" } else { "" };
    let (first, rest) = magnitude.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let plus = if exponent >= 0 { "+" } else { "" };
    format!("{sign}{first}{point}{rest}E{plus}{exponent}")
}

/// The place of the first digit: `10^(n-1) <= |x| < 10^n`.
fn order_of_magnitude(n: &BigDecimal) -> i64 {
    n.digits() as i64 - n.fractional_digit_count()
}

fn rounded(n: BigDecimal, precision: u64) -> BigDecimal {
    let excess = n.digits() as i64 - precision as i64;
    if excess <= 0 {
        return n;
    }
    let precision = NonZeroU64::new(precision).expect("a precision is not zero");
    let shorter = n.with_precision_round(precision, RoundingMode::HalfEven);
    // 99.5 became 100: one digit too many again, a zero.
    if shorter.digits() > precision.get() {
        let scale = shorter.fractional_digit_count() - 1;
        return shorter.with_scale(scale);
    }
    shorter
}

fn add_decimals(a: BigDecimal, b: BigDecimal) -> BigDecimal {
    let (large, small) = if order_of_magnitude(&a) >= order_of_magnitude(&b) {
        (a, b)
    } else {
        (b, a)
    };
    if large.is_zero() || small.is_zero() {
        let (zero, other) = if large.is_zero() {
            (large, small)
        } else {
            (small, large)
        };
        return widened(rounded(other, PRECISION), zero.fractional_digit_count());
    }
    // What lies far below the last digit that is kept matters as a trace alone; aligning it
    // exactly could take as many digits as there are in an exponent.
    let last_kept =
        (-large.fractional_digit_count()).min(order_of_magnitude(&large) - PRECISION as i64);
    let trace = last_kept - 4;
    if order_of_magnitude(&small) < trace {
        let one = BigDecimal::new(
            BigInt::from(if small.is_negative() { -1 } else { 1 }),
            -trace,
        );
        return rounded(large + one, PRECISION);
    }
    rounded(large + small, PRECISION)
}

/// Exact, of the scale that the operands ask for.
fn mul_decimals(a: &BigDecimal, b: &BigDecimal) -> BigDecimal {
    let ((x, x_scale), (y, y_scale)) = (a.as_bigint_and_scale(), b.as_bigint_and_scale());
    BigDecimal::new(&*x * &*y, x_scale + y_scale)
}

/// With zeros at the end up to this scale, as far as the precision allows.
fn widened(n: BigDecimal, scale: i64) -> BigDecimal {
    let current = n.fractional_digit_count();
    if n.is_zero() {
        return n.with_scale(current.max(scale));
    }
    let room = (PRECISION as i64 - n.digits() as i64).max(0);
    let added = (scale - current).clamp(0, room);
    n.with_scale(current + added)
}

/// The quotient of `precision` digits; an exact one has no more zeros at its end than its
/// operands ask for.
fn div_decimals(a: &BigDecimal, b: &BigDecimal, precision: u64) -> BigDecimal {
    let preferred = a.fractional_digit_count() - b.fractional_digit_count();
    if a.is_zero() {
        return BigDecimal::new(BigInt::zero(), preferred.clamp(-MAX_EXPONENT, MAX_EXPONENT));
    }
    let sign = if a.is_negative() == b.is_negative() {
        Sign::Plus
    } else {
        Sign::Minus
    };
    let (dividend, divisor) = (magnitude(a), magnitude(b));
    let shift = (precision as i64 + 2 + b.digits() as i64 - a.digits() as i64).max(0);
    let ten = BigUint::from(10u32);
    let dividend = dividend * ten.pow(shift as u32);
    let (quotient, remainder) = (&dividend / &divisor, &dividend % &divisor);
    let scale = preferred + shift;
    if !remainder.is_zero() {
        // One digit more stands for all that follow: enough to round by.
        let digits = BigInt::from_biguint(sign, quotient * ten + 1u32);
        return rounded(BigDecimal::new(digits, scale + 1), precision);
    }
    let exact = BigDecimal::new(BigInt::from_biguint(sign, quotient), scale).normalized();
    let (precise, wanted) = (rounded(exact, precision), preferred);
    widened(precise, wanted)
}

fn magnitude(n: &BigDecimal) -> BigUint {
    n.as_bigint_and_scale().0.magnitude().clone()
}
