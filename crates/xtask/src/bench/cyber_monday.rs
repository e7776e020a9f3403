//! Cyber monday in `cargo xtask bench`: a store with workers, stocked with less than is ordered, and the
//! client of `crates/shop/examples/cyber_monday.rs`, which measures and checks the books.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Scratch, Shop};
use crate::{command, demo, ui};

/// Products of a new store: the stock is shared out evenly.
const PRODUCTS: u32 = 3;

/// Places `orders` at once, for nine items where ten are ordered.
pub(super) fn run(root: &Path, scratch: &Scratch, orders: u32) -> Result<()> {
    let (shop, _store) = Shop::open(root, scratch.folder("cyber-monday"))?;
    let level = orders * 9 / 10 / PRODUCTS;
    shop.json(&["restock", "--stock-level", &level.to_string(), "--wait"])?;
    let mut client = Command::new(demo::binary(root, "release/examples", "cyber_monday")?);
    client.arg("--data").arg(&shop.data);
    client.args(["--orders", &orders.to_string()]);
    for line in command::read(client)?.lines() {
        ui::line(line);
    }
    Ok(())
}
