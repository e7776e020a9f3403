//! What the services share: settings, modes, idempotency keys, result messages, the Zeebe client
