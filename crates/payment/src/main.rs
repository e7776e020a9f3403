//! The payment service of the shop

fn main() {}
