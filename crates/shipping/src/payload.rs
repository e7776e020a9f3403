//! What the service is asked, checked field by field.

use messaging::payload::{Dispatch, Refusal};

/// A shipment.
pub(crate) struct ShipOrder {
    pub(crate) customer_id: String,
    pub(crate) product: String,
    pub(crate) quantity: i64,
}

impl ShipOrder {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<ShipOrder, Refusal> {
        let fields = dispatch.fields(&["customer_id", "product", "quantity"])?;
        Ok(ShipOrder {
            customer_id: fields.line("customer_id")?,
            product: fields.product("product")?,
            quantity: fields.quantity("quantity")?,
        })
    }
}
