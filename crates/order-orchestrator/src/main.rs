//! Starts the order process from an event, a form or flags

fn main() {}
