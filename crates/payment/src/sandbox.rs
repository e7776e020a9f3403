//! The payment provider of a shop that is not real: its answer is a function of key and token.
//!
//! The tokens are those that users of Stripe know from its test mode. Since nothing but the key
//! decides which charge it is, asking twice with one key never charges twice.

/// The provider's answer to a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The provider's id of the attempt, the same for the same key.
    pub payment_id: String,
    /// Why the card was declined; none where it was charged.
    pub decline_reason: Option<&'static str>,
}

/// Tokens that the provider declines, and its reason for each.
const DECLINED: &[(&str, &str)] = &[
    ("pm_card_chargeDeclined", "generic_decline"),
    ("pm_card_visa_chargeDeclined", "generic_decline"),
    (
        "pm_card_chargeDeclinedInsufficientFunds",
        "insufficient_funds",
    ),
    (
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "insufficient_funds",
    ),
    ("pm_card_visa_chargeDeclinedLostCard", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error"),
];

/// Tokens that the provider charges.
const CHARGED: &[&str] = &[
    "pm_card_visa",
    "pm_card_visa_debit",
    "pm_card_mastercard",
    "pm_card_mastercard_debit",
    "pm_card_amex",
    "pm_card_discover",
    "pm_card_diners",
    "pm_card_jcb",
    "pm_card_unionpay",
];

/// Charges a payment method. A token that the provider does not know is declined.
pub fn charge(key: &str, payment_method: &str) -> Charge {
    let decline_reason = if CHARGED.contains(&payment_method) {
        None
    } else {
        let known = DECLINED.iter().find(|(token, _)| *token == payment_method);
        Some(known.map_or("unknown_payment_method", |(_, reason)| reason))
    };
    Charge {
        payment_id: id("pay", key),
        decline_reason,
    }
}

/// Gives a charge back, and gives the refund's id.
pub fn refund(key: &str) -> String {
    id("ref", key)
}

fn id(prefix: &str, key: &str) -> String {
    let digest = ghettodb::canonical_sha256(&serde_json::Value::from(key));
    format!("{prefix}_{}", &digest[..24])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_a_function_of_key_and_token() {
        assert_eq!(
            charge("o-1/c", "pm_card_visa"),
            charge("o-1/c", "pm_card_visa")
        );
        let other = charge("o-2/c", "pm_card_visa");
        assert_ne!(charge("o-1/c", "pm_card_visa").payment_id, other.payment_id);
        assert_ne!(refund("o-1/c"), charge("o-1/c", "pm_card_visa").payment_id);
    }

    #[test]
    fn tokens_decide() {
        let reason = |token| charge("k", token).decline_reason;
        assert_eq!(reason("pm_card_visa"), None);
        assert_eq!(reason("pm_card_chargeDeclined"), Some("generic_decline"));
        assert_eq!(
            reason("pm_card_chargeDeclinedInsufficientFunds"),
            Some("insufficient_funds")
        );
        assert_eq!(reason("pm_card_of_nobody"), Some("unknown_payment_method"));
    }
}
