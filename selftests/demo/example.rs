// SPDX-License-Identifier: GPL-2.0-or-later

//! TLS sockets of the kernel in Rust: the streams of std, and no TLS library.
//!
//!	example client ADDRESS:PORT NAME	fetch "/page" of https://NAME/
//!	example server ADDRESS:PORT IDENTITY	greet each client
//!
//! socket2 makes the socket, because TcpStream::connect() and TcpListener::bind() leave no
//! time to set options.

use std::io::{self, Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::raw::{c_int, c_void};
use std::os::unix::io::AsRawFd;

use socket2::{Domain, Socket, Type};

// Of <linux/ktls.h>
const TCP_ULP: c_int = 31;
const SOL_TLS: c_int = 282;
const KTLS_SERVER_NAME: c_int = 64;
const KTLS_IDENTITY: c_int = 65;
const KTLS_ERROR: c_int = 83;

fn set(socket: &Socket, level: c_int, option: c_int, value: &str) -> io::Result<()> {
    let length = value.len() as libc::socklen_t;
    // SAFETY: value has length bytes, and the kernel keeps no pointer to them
    match unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr() as *const c_void, length)
    } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// KTLS_ERROR: why the last connect or listen failed.
fn reason(socket: &Socket) -> String {
    let mut text = [0u8; 256];
    let mut length = text.len() as libc::socklen_t;
    // SAFETY: text has length bytes
    let failed = unsafe {
        libc::getsockopt(socket.as_raw_fd(), SOL_TLS, KTLS_ERROR,
                         text.as_mut_ptr() as *mut c_void, &mut length)
    };
    if failed != 0 {
        length = 0;
    }
    String::from_utf8_lossy(&text[..length as usize]).into_owned()
}

fn explain(socket: &Socket, error: Error) -> Error {
    match reason(socket).as_str() {
        "" => error,
        why => Error::new(error.kind(), format!("{error}: {why}")),
    }
}

/// A TLS socket for that address, with one option.
fn tls_socket(address: SocketAddr, option: c_int, value: &str) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    set(&socket, libc::IPPROTO_TCP, TCP_ULP, "ktls")?;
    set(&socket, SOL_TLS, option, value)?;
    Ok(socket)
}

/// The other end is name, or there is no connection.
fn connect(address: SocketAddr, name: &str) -> io::Result<TcpStream> {
    let socket = tls_socket(address, KTLS_SERVER_NAME, name)?;
    socket.connect(&address.into()).map_err(|e| explain(&socket, e))?;
    Ok(socket.into())
}

/// A listener that accepts finished TLS connections.
fn listen(address: SocketAddr, identity: &str) -> io::Result<TcpListener> {
    let socket = tls_socket(address, KTLS_IDENTITY, identity)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(128).map_err(|e| explain(&socket, e))?;
    Ok(socket.into())
}

fn client(address: SocketAddr, name: &str) -> io::Result<()> {
    let mut stream = connect(address, name)?;
    write!(stream, "GET /page HTTP/1.0\r\nHost: {name}\r\n\r\n")?;
    io::copy(&mut stream, &mut io::stdout())?; // ConnectionAborted: cut, not ended
    Ok(())
}

fn greet(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; 4096];
    if stream.read(&mut request)? > 0 {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nHello over TLS\n")?;
    }
    Ok(()) // dropping the stream sends close_notify
}

fn server(address: SocketAddr, identity: &str) -> io::Result<()> {
    let listener = listen(address, identity)?;
    eprintln!("serving at {}", listener.local_addr()?);
    for stream in listener.incoming() {
        if let Err(e) = greet(stream?) {
            eprintln!("a client: {e}");
        }
    }
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let run = match args.get(1).map(String::as_str) {
        Some("client") if args.len() == 4 => client,
        Some("server") if args.len() == 4 => server,
        _ => {
            eprintln!("usage: example client|server ADDRESS:PORT NAME|IDENTITY");
            std::process::exit(2);
        }
    };
    let address = args[2].parse().expect("an address and port, such as 127.0.0.1:443");
    if let Err(e) = run(address, &args[3]) {
        eprintln!("{e}");
        std::process::exit(1);
    }
}
