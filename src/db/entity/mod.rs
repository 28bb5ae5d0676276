//! The tables as SeaORM sees them. Rows do not leave the query functions that read them.

pub mod order;
