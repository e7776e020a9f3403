//! The whole store on a laptop, and the operator's commands

fn main() {}
