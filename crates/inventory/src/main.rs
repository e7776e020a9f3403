//! The inventory service of the shop

fn main() {}
