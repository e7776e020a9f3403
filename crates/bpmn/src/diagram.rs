//! The diagram of a model (BPMNDI): where its shapes and edges stand.
