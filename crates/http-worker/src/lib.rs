//! Job to HTTP call: io.camunda:http-json:1 and CAMUNDA-HTTP
