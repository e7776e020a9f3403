//! What the service is asked, checked field by field.

use messaging::payload::{AMOUNT_MAX, Dispatch, Refusal};

/// A charge.
pub(crate) struct ChargeCustomer {
    pub(crate) customer_id: String,
    /// A token of the payment provider, never a card number.
    pub(crate) payment_method: String,
    /// In the currency's minor unit.
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

impl ChargeCustomer {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<ChargeCustomer, Refusal> {
        let fields = dispatch.fields(&["customer_id", "payment_method", "amount", "currency"])?;
        Ok(ChargeCustomer {
            customer_id: fields.line("customer_id")?,
            payment_method: fields.payment_token("payment_method")?,
            amount: fields.whole_number("amount", 1..=AMOUNT_MAX)?,
            currency: fields.currency("currency")?,
        })
    }
}

/// A refund of a whole payment.
pub(crate) struct RefundCustomer {
    pub(crate) payment_id: String,
}

impl RefundCustomer {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<RefundCustomer, Refusal> {
        let fields = dispatch.fields(&["payment_id"])?;
        Ok(RefundCustomer {
            payment_id: fields.line("payment_id")?,
        })
    }
}
