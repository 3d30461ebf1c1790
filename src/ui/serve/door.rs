//! The door: connections are taken one by one, so many at once, and none may dawdle.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many connections there are at once; others wait until one ends.
const CONNECTIONS: usize = 128;

/// So long the head of a request may take to arrive, and a connection be without one.
const PATIENCE: Duration = Duration::from_secs(10);

/// After a connection could not be taken, because files are short: so long until the next try.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `ending` becomes true, and then until the requests that are under way have been answered.
pub async fn keep(listener: TcpListener, router: Router, ending: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut going = JoinSet::new();
    let mut end = ending.clone();
    let ended = end.wait_for(|ending| *ending);
    tokio::pin!(ended);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            _ = &mut ended => break,
            (place, taken) = next => match taken {
                Ok((stream, _)) => {
                    let served = serve(stream, router.clone(), ending.clone());
                    going.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = going.join_next() => {}
        }
    }
    drop(listener);
    while going.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, router: Router, mut ending: watch::Receiver<bool>) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        // What went wrong with one connection is that client's business.
        _ = &mut connection => true,
        _ = ending.wait_for(|ending| *ending) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
