//! Models that cause very many steps: they are spread over batches, and stop nobody else.

use super::{NOW, accept, create, model};
use engine::command::Command;
use engine::{Batch, Engine, Response};

#[test]
fn a_model_that_runs_in_circles_lets_others_work() {
    let mut engine = Engine::new();
    let mut out = Batch::default();
    let models = vec![
        model("process_instance/endless.bpmn"),
        model("service_task/one_task.bpmn"),
    ];
    accept(&mut engine, &mut out, Command::Deploy(models));
    let Response::InstanceCreated {
        process_instance_key: endless,
        ..
    } = accept(&mut engine, &mut out, create("endless", &[]))
    else {
        panic!("an instance was asked for")
    };
    for _ in 0..3 {
        assert!(engine.has_deferred(), "it never comes to an end by itself");
        accept(&mut engine, &mut out, Command::Continue);
    }
    accept(&mut engine, &mut out, create("one-task", &[]));
    assert_eq!(engine.state().jobs().activatable("work").count(), 1);

    let stop = Command::SetVariables {
        scope_key: endless,
        variables: vec![("stop".into(), "true".into())],
        local: false,
    };
    accept(&mut engine, &mut out, stop);
    for _ in 0..3 {
        if engine.has_deferred() {
            accept(&mut engine, &mut out, Command::Continue);
        }
    }
    assert!(!engine.has_deferred());
    assert!(engine.state().element_instances().get(endless).is_none());
    assert!(engine.due(NOW, 10).is_empty());
}

#[test]
fn ten_thousand_rounds_are_spread_over_batches() {
    let mut engine = Engine::new();
    let mut out = Batch::default();
    let models = vec![model("multi_instance/many.bpmn")];
    accept(&mut engine, &mut out, Command::Deploy(models));
    accept(&mut engine, &mut out, create("many", &[("n", "10000")]));
    let mut batches = 1;
    while engine.has_deferred() {
        accept(&mut engine, &mut out, Command::Continue);
        batches += 1;
    }
    assert!(batches > 10, "{batches} batches");
    assert_eq!(engine.state().counts().element_instances, 0);
}
