//! FEEL's numbers: decimals of 34 digits.

use std::sync::Arc;

use bigdecimal::BigDecimal;

/// A decimal number of up to 34 significant digits; one from JSON keeps all it came with.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(Repr);

#[derive(Clone, Debug, PartialEq)]
enum Repr {
    Integer(i64),
    Decimal(Arc<BigDecimal>),
}

impl Number {
    /// The number as an `i64`, if it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(n) => Some(*n),
            Repr::Decimal(n) if n.is_integer() => {
                n.to_plain_string().split('.').next()?.parse().ok()
            }
            Repr::Decimal(_) => None,
        }
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        text.parse()
            .map(|n| Number(Repr::Integer(n)))
            .ok()
            .or_else(|| {
                text.parse()
                    .map(|n| Number(Repr::Decimal(Arc::new(n))))
                    .ok()
            })
    }

    pub(crate) fn to_plain(&self) -> String {
        match &self.0 {
            Repr::Integer(n) => n.to_string(),
            Repr::Decimal(n) => n.normalized().to_plain_string(),
        }
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Number(Repr::Integer(n))
    }
}
