//! FEEL as Zeebe speaks it: parse once, evaluate many times
