//! The shipping service of the shop

fn main() {}
