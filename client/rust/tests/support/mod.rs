// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! A server of the tests' own, and a listener that counts connections and drops them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A `lossd` process in a folder of its own; ends with it.
pub struct Server {
    child: Child,
    folder: PathBuf,
    binary: PathBuf,
    flags: Vec<String>,
    pub target: String,
}

impl Server {
    /// None, said aloud, without the binary: LOSSD_BIN_DIR is its folder.
    pub fn start(flags: &[&str]) -> Option<Self> {
        let binary = PathBuf::from(std::env::var_os("LOSSD_BIN_DIR").unwrap_or_default()).join("lossd");
        if !binary.is_file() {
            eprintln!("SKIPPED: no lossd in LOSSD_BIN_DIR ({})", binary.display());
            return None;
        }
        let name = format!("lossd-rust-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(name.replace(['(', ')'], "-"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a port").port();
        let target = format!("127.0.0.1:{port}");
        let flags = flags.iter().map(|flag| flag.to_string()).collect();
        let child = Self::spawn(&binary, &folder, &target, &flags);
        Some(Self { child, folder, binary, flags, target })
    }

    fn spawn(binary: &PathBuf, folder: &PathBuf, target: &str, flags: &Vec<String>) -> Child {
        let ports = folder.join("ports.json");
        let _ = std::fs::remove_file(&ports);
        let mut child = Command::new(binary)
            .arg(format!("--listen={target}"))
            .args(["--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0"])
            .arg(format!("--port_file={}", ports.display()))
            .args(flags)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("lossd starts");
        let end = Instant::now() + Duration::from_secs(60);
        while !ports.exists() {
            assert!(child.try_wait().expect("a state").is_none() && Instant::now() < end, "lossd does not serve");
            std::thread::sleep(Duration::from_millis(10));
        }
        child
    }

    /// SIGTERM, and another on the same port once it has ended.
    pub fn restart(&mut self) {
        self.stop();
        self.child = Self::spawn(&self.binary, &self.folder, &self.target, &self.flags);
    }

    pub fn stop(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        self.child.wait().expect("an end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
