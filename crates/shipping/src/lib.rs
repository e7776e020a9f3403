//! The shipping service of the shop
