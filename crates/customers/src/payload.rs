//! What the service is asked, checked field by field.

use messaging::payload::{Dispatch, Refusal};

/// A customer as the order gives them.
pub(crate) struct UpsertCustomer {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) address: String,
    /// A token of the payment provider, never a card number.
    pub(crate) payment_method: String,
}

impl UpsertCustomer {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<UpsertCustomer, Refusal> {
        let fields = dispatch.fields(&["customer"])?;
        let customer =
            fields.object("customer", &["email", "name", "address", "payment_method"])?;
        Ok(UpsertCustomer {
            email: customer.email("email")?,
            name: customer.text("name")?,
            address: customer.text("address")?,
            payment_method: customer.payment_token("payment_method")?,
        })
    }
}
