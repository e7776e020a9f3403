//! A server below HTTP: it writes what a test says, as slowly as it says, for as long as the other
//! side listens.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts a server that begins each answer with `begin` and goes on with `piece` for ever, one
/// each `pause`; gives its port.
pub(crate) async fn drip(begin: &'static str, piece: &'static str, pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, begin, piece, pause));
        }
    });
    port
}

/// Ends when the other side is gone.
async fn answer(
    mut stream: TcpStream,
    begin: &str,
    piece: &str,
    pause: Duration,
) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _: usize = stream.read(&mut request).await?;
    stream.write_all(begin.as_bytes()).await?;
    let mut ticks = tokio::time::interval(pause.max(Duration::from_micros(1)));
    loop {
        ticks.tick().await;
        stream.write_all(piece.as_bytes()).await?;
    }
}
