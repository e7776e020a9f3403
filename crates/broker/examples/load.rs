//! A lean load client: how many orders a second, and how long one takes.
//!
//! An order is a create, a job, a message, a gateway, a second job: four calls and two pushes.
//! It speaks to any Zeebe-compatible gateway; jobs come by streams, and by polls where a stream
//! missed some.
//!
//! `cargo run --example load -- --address 127.0.0.1:26500 --inflight 64 --warmup 5 --seconds 10`

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use anyhow::{Context as _, ensure};
use clap::Parser;
use protocol::gateway_client::GatewayClient;
use protocol::{
    ActivatedJob, CompleteJobRequest, CreateProcessInstanceRequest, DeployResourceRequest,
    PublishMessageRequest, Resource, StreamActivatedJobsRequest,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

/// A load client for a Zeebe-compatible gateway.
#[derive(Parser)]
struct Options {
    /// The gateway, HOST:PORT
    #[arg(long, default_value = "127.0.0.1:26500")]
    address: String,
    /// How many orders are open at once
    #[arg(long, default_value_t = 64)]
    inflight: usize,
    /// How long to run before measuring, in seconds
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// How long to measure, in seconds
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How many connections
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

const PROCESS_ID: &str = "load-order";
const MODEL: &str = include_str!("load-order.bpmn");
const JOB_TYPES: [&str; 2] = ["load-reserve", "load-ship"];
const JOB_TIMEOUT: Duration = Duration::from_secs(60);

type Client = GatewayClient<Channel>;

/// What all tasks share.
struct Load {
    /// Open orders: when each began, and its place among those in flight.
    open: Mutex<HashMap<String, (Instant, OwnedSemaphorePermit)>>,
    /// Times of orders that ended while measuring, in microseconds.
    times: Mutex<Vec<u32>>,
    refused: AtomicU64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    ensure!(
        options.inflight > 0 && options.connections > 0,
        "nothing to do"
    );
    // One thread: on a machine that the gateway shares, more would only be in its way.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options))
}

async fn run(options: Options) -> anyhow::Result<()> {
    let mut clients = Vec::new();
    for _ in 0..options.connections {
        let endpoint = Endpoint::new(format!("http://{}", options.address))?.tcp_nodelay(true);
        let channel = endpoint
            .connect()
            .await
            .with_context(|| format!("cannot reach a gateway at {}", options.address))?;
        clients.push(Client::new(channel));
    }
    let resource = Resource {
        name: "load-order.bpmn".to_owned(),
        content: MODEL.as_bytes().to_vec(),
    };
    let deployment = DeployResourceRequest {
        resources: vec![resource],
        ..Default::default()
    };
    clients[0].deploy_resource(deployment).await?;

    let load = Arc::new(Load {
        open: Mutex::default(),
        times: Mutex::default(),
        refused: AtomicU64::new(0),
    });
    for job_type in JOB_TYPES {
        let request = StreamActivatedJobsRequest {
            r#type: job_type.to_owned(),
            worker: "load".to_owned(),
            timeout: i64::try_from(JOB_TIMEOUT.as_millis())?,
            fetch_variable: vec!["_id".to_owned()],
            ..Default::default()
        };
        let jobs = clients[0].stream_activated_jobs(request).await?;
        tokio::spawn(work(clients.clone(), Arc::clone(&load), jobs.into_inner()));
    }
    let generator = tokio::spawn(generate(clients, Arc::clone(&load), options.inflight));

    tokio::time::sleep(Duration::from_secs_f64(options.warmup)).await;
    lock(&load.times).clear();
    let started = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(options.seconds)).await;
    let seconds = started.elapsed().as_secs_f64();
    let mut times = std::mem::take(&mut *lock(&load.times));
    generator.abort();
    ensure!(!times.is_empty(), "no order came to its end");
    times.sort_unstable();
    report(
        &options,
        &times,
        seconds,
        load.refused.load(Ordering::Relaxed),
    );
    Ok(())
}

/// Starts orders, as many as may be in flight.
async fn generate(clients: Vec<Client>, load: Arc<Load>, inflight: usize) -> anyhow::Result<()> {
    let places = Arc::new(Semaphore::new(inflight));
    // Ids of another run must not meet this one's.
    let run = std::process::id();
    for number in 0_usize.. {
        let place = Arc::clone(&places).acquire_owned().await?;
        let id = format!("{run}-{number}");
        let mut client = clients[number % clients.len()].clone();
        lock(&load.open).insert(id.clone(), (Instant::now(), place));
        let load = Arc::clone(&load);
        tokio::spawn(async move {
            let request = CreateProcessInstanceRequest {
                bpmn_process_id: PROCESS_ID.to_owned(),
                version: -1,
                variables: format!("{{\"_id\":\"{id}\",\"product\":\"T-shirt\",\"quantity\":1}}"),
                ..Default::default()
            };
            if client.create_process_instance(request).await.is_err() {
                load.refused.fetch_add(1, Ordering::Relaxed);
                lock(&load.open).remove(&id);
            }
        });
    }
    Ok(())
}

/// Does the jobs of a stream.
async fn work(
    clients: Vec<Client>,
    load: Arc<Load>,
    mut jobs: tonic::Streaming<ActivatedJob>,
) -> anyhow::Result<()> {
    let mut next = 0;
    while let Some(job) = jobs.message().await? {
        next = (next + 1) % clients.len();
        tokio::spawn(do_job(clients[next].clone(), Arc::clone(&load), job));
    }
    Ok(())
}

async fn do_job(mut client: Client, load: Arc<Load>, job: ActivatedJob) -> anyhow::Result<()> {
    let variables: HashMap<String, String> = serde_json::from_str(&job.variables)?;
    let id = variables.get("_id").context("a job without an id")?;
    let request = CompleteJobRequest {
        job_key: job.key,
        variables: String::new(),
    };
    // Called again for as long as the gateway says that it has too much to do.
    while let Err(status) = client.complete_job(request.clone()).await {
        ensure!(status.code() == Code::ResourceExhausted, status);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if job.r#type == JOB_TYPES[0] {
        let request = PublishMessageRequest {
            name: "LOAD_RESERVED".to_owned(),
            correlation_key: id.clone(),
            time_to_live: 60_000,
            variables: "{\"stock_level\":5}".to_owned(),
            ..Default::default()
        };
        client.publish_message(request).await?;
        return Ok(());
    }
    let ended = lock(&load.open).remove(id);
    if let Some((started, _place)) = ended {
        let micros = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
        lock(&load.times).push(micros);
    }
    Ok(())
}

fn report(options: &Options, times: &[u32], seconds: f64, refused: u64) {
    let ms = |share: f64| {
        let at = ((times.len() - 1) as f64 * share).round() as usize;
        f64::from(times[at]) / 1000.0
    };
    let rate = times.len() as f64 / seconds;
    let (p50, p99, max) = (ms(0.5), ms(0.99), ms(1.0));
    let inflight = options.inflight;
    if options.json {
        let report = serde_json::json!({
            "inflight": inflight,
            "seconds": seconds,
            "orders": times.len(),
            "orders_per_second": rate,
            "p50_ms": p50,
            "p99_ms": p99,
            "max_ms": max,
            "refused": refused,
        });
        println!("{report}");
    } else {
        println!(
            "{inflight} in flight: {rate:.0} orders/s, p50 {p50:.2} ms, p99 {p99:.2} ms, \
             max {max:.2} ms, {refused} refused"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
