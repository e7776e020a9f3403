//! What the service is asked, checked field by field.

use messaging::payload::{Dispatch, QUANTITY_MAX, Refusal};

/// A product's new level.
pub(crate) struct RestockItem {
    pub(crate) product: String,
    pub(crate) stock_level: i64,
}

impl RestockItem {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<RestockItem, Refusal> {
        let fields = dispatch.fields(&["product", "stock_level"])?;
        Ok(RestockItem {
            product: fields.product("product")?,
            stock_level: fields.whole_number("stock_level", 0..=QUANTITY_MAX)?,
        })
    }
}

/// A product to look at.
pub(crate) struct GetStockLevel {
    pub(crate) product: String,
}

impl GetStockLevel {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<GetStockLevel, Refusal> {
        let fields = dispatch.fields(&["product"])?;
        Ok(GetStockLevel {
            product: fields.product("product")?,
        })
    }
}

/// How many of a product go out or come back.
pub(crate) struct Change {
    pub(crate) product: String,
    pub(crate) quantity: i64,
}

impl Change {
    pub(crate) fn read(dispatch: &Dispatch) -> Result<Change, Refusal> {
        let fields = dispatch.fields(&["product", "quantity"])?;
        Ok(Change {
            product: fields.product("product")?,
            quantity: fields.quantity("quantity")?,
        })
    }
}
