//! A whole broker in this process: recovers, starts the threads, listens, and stops again.

use crate::clock::Clock;
use crate::data_folder::DataFolder;
use crate::exporter;
use crate::gateway::{Gateway, MESSAGE_BYTES_MAX, Wording};
use crate::handle::Handle;
use crate::log::{self, Recovered};
use crate::management::{self, Management};
use crate::metrics::Metrics;
use crate::readmodel::ReadModel;
use crate::records::RecordFile;
use crate::rest::{self, Api};
use crate::storage::{Memory, Storage};
use crate::sync::{self, Sync};
use crate::worker::Worker;
use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use engine::Position;
use protocol::gateway_server::GatewayServer;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;

/// How often a connection is checked: a client that lost power is noticed, and its jobs are no
/// longer pushed to nobody.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How many calls one connection may have open. Long polls and streams count, so the library's
/// 200 are soon used up; what really is in flight is bounded by [`Handle`].
const CALLS_MAX: u32 = 10_000;

/// How a broker is started.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder; `None` = keep nothing.
    pub data: Option<PathBuf>,
    /// Where to listen.
    pub host: IpAddr,
    /// The gateway's port; 0 = any that is free, here and below.
    pub port: u16,
    /// The REST API's port.
    pub rest_port: u16,
    /// The management port.
    pub management_port: u16,
    /// Where records are written as JSON lines.
    pub records: Option<PathBuf>,
    /// Whether the clock may be moved.
    pub controlled_clock: bool,
}

impl Default for Config {
    /// In memory, on free ports of the loopback address: what a test wants.
    fn default() -> Self {
        Self {
            data: None,
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            rest_port: 0,
            management_port: 0,
            records: None,
            controlled_clock: false,
        }
    }
}

/// A broker that runs. Dropped without [`Broker::stop`] it stops too, but nobody waits for it.
pub struct Broker {
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// Where the REST API listens.
    pub rest: SocketAddr,
    /// Where the management port listens.
    pub management: SocketAddr,
    engine: Handle,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    worker: JoinHandle<()>,
    exporter: JoinHandle<()>,
    failure: oneshot::Receiver<log::Error>,
    _ends: EndsEngine,
    /// Released last.
    _data: Option<DataFolder>,
}

impl Broker {
    /// Starts a broker: when this returns, it listens and all that was on disk is recovered.
    ///
    /// # Errors
    ///
    /// If the folder is in use, the log is damaged, or a port is taken: each says what to do.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let data = config.data.as_deref().map(DataFolder::lock).transpose()?;
        // Listening comes first: a taken port should not leave traces in the folder.
        let ip = config.host;
        let gateway = listen("--port", ip, config.port).await?;
        let rest = listen("--rest-port", ip, config.rest_port).await?;
        let management = listen("--management-port", ip, config.management_port).await?;

        // Blocks, but nothing else runs yet.
        let core = Core::start(&config, data.as_ref())?;
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();
        let gateway_address = gateway.local_addr()?;
        let service = Gateway::new(core.engine.clone(), gateway_address);
        servers.spawn(serve_gateway(service, gateway, stopped.clone()));
        let rest_address = rest.local_addr()?;
        let api = rest::routes(Api {
            read_model: core.read_model,
            catch_up: core.catch_up,
            gateway: gateway_address,
        });
        servers.spawn(serve(api, rest, stopped.clone()));
        let management_address = management.local_addr()?;
        let routes = management::routes(Management {
            engine: core.engine.clone(),
            metrics: core.metrics,
            clock: core.clock,
            controlled_clock: config.controlled_clock,
        });
        servers.spawn(serve(routes, management, stopped));
        Ok(Self {
            _ends: EndsEngine(core.engine.clone()),
            gateway: gateway_address,
            rest: rest_address,
            management: management_address,
            engine: core.engine,
            stop,
            servers,
            worker: core.worker,
            exporter: core.exporter,
            failure: core.failure,
            _data: data,
        })
    }

    /// The engine behind the gateway.
    #[must_use]
    pub fn engine(&self) -> &Handle {
        &self.engine
    }

    /// Returns, with the cause, when the disk failed and the broker can no longer do anything.
    pub async fn failure(&mut self) -> anyhow::Error {
        match (&mut self.failure).await {
            Ok(error) => anyhow::Error::new(error).context(
                "the log cannot be written any more; what was acknowledged is safe, start the \
                 broker again once the disk is well",
            ),
            Err(_) => anyhow::anyhow!("the engine ended unexpectedly"),
        }
    }

    /// Ends all calls, brings everything to disk, and stops.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.engine.shut_down();
        let threads = [self.worker, self.exporter];
        let ended = tokio::task::spawn_blocking(|| {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread had panicked");
                }
            }
        });
        // Long polls and streams end with the engine, so the servers have nothing to wait for.
        self.servers.abort_all();
        while self.servers.join_next().await.is_some() {}
        if ended.await.is_err() {
            tracing::error!("the threads could not be waited for");
        }
    }
}

/// Ends the engine's thread when it is dropped.
struct EndsEngine(Handle);

impl Drop for EndsEngine {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

/// What runs behind the network.
struct Core {
    engine: Handle,
    read_model: Arc<ReadModel>,
    catch_up: exporter::CatchUp,
    metrics: Arc<Metrics>,
    clock: Arc<Clock>,
    worker: JoinHandle<()>,
    exporter: JoinHandle<()>,
    failure: oneshot::Receiver<log::Error>,
}

impl Core {
    fn start(config: &Config, data: Option<&DataFolder>) -> anyhow::Result<Self> {
        let storage: Arc<dyn Storage> = match data {
            Some(data) => Arc::new(data.log()?),
            None => Arc::new(Memory::default()),
        };
        let clock_file = data.map(DataFolder::clock);
        let clock = Clock::open(clock_file).context("cannot read the clock's offset")?;
        let clock = Arc::new(clock);
        let needed_from = Arc::new(AtomicU64::new(0));
        let Recovered {
            engine,
            writer,
            snapshot,
            replayed,
        } = log::recover(Arc::clone(&storage), Arc::clone(&needed_from))?;
        let position = engine.last_position();
        tracing::info!(
            position = position.0,
            snapshot = snapshot.map(|Position(position)| position),
            replayed,
            "recovered"
        );
        let read_model = ReadModel::open(data.map(DataFolder::read_model).as_deref())?;
        let records = match &config.records {
            Some(path) => {
                let definitions = engine.state().definitions().iter();
                Some(RecordFile::open(path, position, definitions)?)
            }
            None => None,
        };
        let metrics = Arc::<Metrics>::default();
        let parts = exporter::Parts {
            storage,
            read_model: Arc::clone(&read_model),
            records,
            metrics: Arc::clone(&metrics),
            needed_from,
        };
        let (exporter, catch_up, exporter_thread) = exporter::start(parts, position);
        let (inputs, inbox) = mpsc::channel();
        let (failure, failed) = oneshot::channel();
        let sync = Sync::start(sync::Parts {
            writer,
            exporter,
            metrics: Arc::clone(&metrics),
            inputs: inputs.clone(),
            failure,
        });
        let handle = Handle::new(inputs.clone());
        let worker = Worker::new(
            engine,
            Arc::clone(&clock),
            (inputs, inbox),
            sync,
            Arc::clone(&metrics),
        );
        let worker = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || worker.run())
            .context("cannot start the engine's thread")?;
        Ok(Self {
            engine: handle,
            read_model,
            catch_up,
            metrics,
            clock,
            worker,
            exporter: exporter_thread,
            failure: failed,
        })
    }
}

async fn listen(flag: &str, ip: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: choose another port with {flag} (0 = any free one)")
    })
}

async fn serve_gateway(
    service: Gateway,
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
) {
    let service = GatewayServer::new(service)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<GatewayServer<Gateway>>().await;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .max_concurrent_streams(CALLS_MAX)
        .layer(Wording)
        .add_service(health_service)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, async move {
            let _gone = stopped.wait_for(|stopped| *stopped).await;
        });
    if let Err(error) = served.await {
        tracing::error!(%error, "the gateway ended");
    }
}

async fn serve(routes: Router, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move {
        let _gone = stopped.wait_for(|stopped| *stopped).await;
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "an HTTP server ended");
    }
}
