//! The pure state machine of a Zeebe-compatible broker: commands in, events out
