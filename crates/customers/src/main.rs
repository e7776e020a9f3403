//! The customers service of the shop

fn main() {}
