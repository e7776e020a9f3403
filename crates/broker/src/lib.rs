//! A Zeebe-compatible broker: durable log, gRPC gateway, REST searches
