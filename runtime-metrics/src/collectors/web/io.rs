//! A socket with the connection that it is: what is open is what is not dropped.

use super::{Connection, Server};
use pin_project_lite::pin_project;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pin_project! {
    /// A socket that is counted as a connection until it is dropped, also where HTTP was left by an
    /// upgrade. From [`Server::io`]; reading and writing go straight to the socket.
    ///
    /// ```
    /// # async fn accept(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let server = runtime_metrics::collectors::web::Server::new("sockets");
    /// let (stream, _) = listener.accept().await?;
    /// let io = server.io(stream);
    /// assert!(io.get_ref().nodelay().is_ok());
    /// # Ok(()) }
    /// ```
    #[derive(Debug)]
    pub struct Io<T> {
        #[pin]
        io: T,
        connection: Connection,
    }
}

impl Server {
    /// Counts `io` as a connection until it is dropped.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("io");
    /// let io = server.io(tokio::io::empty());
    /// assert_eq!(server.idle(), 1);
    /// drop(io);
    /// assert_eq!(server.idle(), 0);
    /// ```
    pub fn io<T>(&self, io: T) -> Io<T> {
        Io { io, connection: self.open() }
    }
}

impl<T> Io<T> {
    /// The connection.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("io connection");
    /// let io = server.io(tokio::io::empty());
    /// let running = io.connection().requests().begin();
    /// assert_eq!(server.active(), 1);
    /// # drop(running);
    /// ```
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The socket.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("io socket");
    /// let socket: &tokio::io::Empty = server.io(tokio::io::empty()).get_ref();
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The socket, to be changed.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("io socket");
    /// let socket: &mut tokio::io::Empty = server.io(tokio::io::empty()).get_mut();
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }
}

impl<T: AsyncRead> AsyncRead for Io<T> {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.project().io.poll_read(context, buffer)
    }
}

impl<T: AsyncWrite> AsyncWrite for Io<T> {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.project().io.poll_write(context, bytes)
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.project().io.poll_write_vectored(context, slices)
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.project().io.poll_flush(context)
    }

    #[inline]
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.project().io.poll_shutdown(context)
    }
}
