use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// A listener whose connections are handled by `handle`, each on a thread.
pub fn listen(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = handle.clone();
            std::thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Accepts and never answers.
pub fn silent() -> SocketAddr {
    listen(|_stream| std::thread::sleep(Duration::from_secs(600)))
}

/// Begins a good answer and goes on with one byte a moment.
pub fn dripping() -> SocketAddr {
    listen(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n";
        let mut going = stream.write_all(head.as_bytes()).is_ok();
        for byte in b"000eversion 2\n".iter().chain(b"0006a\n".iter().cycle()) {
            std::thread::sleep(Duration::from_millis(20));
            going = going && stream.write_all(&[*byte]).is_ok();
            if !going {
                return;
            }
        }
    })
}

/// A connection of a server that sends a few bytes of each pack, and then one byte a moment.
pub struct DrippingPack(pub TcpStream);

impl Read for DrippingPack {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for DrippingPack {
    /// Answers are written whole.
    fn write(&mut self, answer: &[u8]) -> std::io::Result<usize> {
        let Some(pack) = answer.windows(4).position(|word| word == b"PACK") else {
            return self.0.write(answer);
        };
        let (first, rest) = answer.split_at(pack + 8);
        self.0.write_all(first)?;
        for byte in rest {
            std::thread::sleep(Duration::from_millis(20));
            self.0.write_all(&[*byte])?;
        }
        Ok(answer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A way to a server that forgets its connections, as a router does: those of before stay open and carry nothing any
/// more, new ones are as good as ever.
pub struct Router {
    pub address: SocketAddr,
    epoch: Arc<AtomicU32>,
}

impl Router {
    pub fn to(target: SocketAddr) -> Self {
        let epoch = Arc::new(AtomicU32::new(0));
        let now = epoch.clone();
        let address = listen(move |client| {
            let Ok(server) = TcpStream::connect(target) else { return };
            let pass = |from: &TcpStream, to: &TcpStream| {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let (now, then) = (now.clone(), now.load(Ordering::SeqCst));
                std::thread::spawn(move || carry(from, to, &now, then))
            };
            let ways = [pass(&client, &server), pass(&server, &client)];
            ways.into_iter().for_each(|way| drop(way.join()));
        });
        Self { address, epoch }
    }

    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, now: &AtomicU32, then: u32) {
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let forgotten = now.load(Ordering::SeqCst) != then;
        if !forgotten && to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    if now.load(Ordering::SeqCst) == then {
        let _ = to.shutdown(std::net::Shutdown::Write);
    }
}

/// A forward proxy for plain HTTP and for CONNECT, and the first lines and logins it saw.
pub struct Proxy {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let address = listen(move |stream| forward(stream, &log));
        Self { address, seen }
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn forward(stream: TcpStream, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
    let line = head.lines().next().unwrap_or_default().to_owned();
    let login =
        head.lines().find(|line| line.to_lowercase().starts_with("proxy-authorization")).unwrap_or_default();
    log.lock().unwrap().push(format!("{line} | {login}"));
    let target = line.split(' ').nth(1).unwrap_or_default();
    let host = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let Ok(mut upstream) = TcpStream::connect(host) else { return };
    let mut client = stream;
    if line.starts_with("CONNECT") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    } else {
        upstream.write_all(head.as_bytes()).unwrap();
    }
    let (mut back, mut forth) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut forth, &mut back));
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        if upstream.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}
