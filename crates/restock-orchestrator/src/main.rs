//! Starts the restock process from an event, a form or flags

fn main() {}
