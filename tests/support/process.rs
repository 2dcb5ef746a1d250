//! What a process costs, as the kernel counts it.

/// Processor time of a process so far, its own and the system's for it.
/// Source: proc(5), `stat` fields 14 and 15, ticks of 10 ms on Linux.
pub fn cpu_seconds(pid: u32) -> f64 {
    cpu_seconds_in(&format!("/proc/{pid}/stat"))
}

/// The same of the calling thread.
pub fn thread_cpu_seconds() -> f64 {
    cpu_seconds_in("/proc/thread-self/stat")
}

fn cpu_seconds_in(path: &str) -> f64 {
    let fields = stat_fields(path);
    (fields[11] + fields[12]) / 100.0
}

/// The numbers behind the name and the state, 0 for the state.
fn stat_fields(path: &str) -> Vec<f64> {
    let stat = std::fs::read_to_string(path).unwrap();
    // The second field is a name, which may hold spaces.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.map(|field| field.parse().unwrap_or(0.0)).collect()
}

/// Memory of a process that is in use now.
/// Source: proc(5), `VmRSS` of `status`, in kB.
pub fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmRSS")).unwrap();
    let kb = line.split_whitespace().nth(1).unwrap();
    kb.parse::<f64>().unwrap() / 1000.0
}

/// Processor time of all children that have ended and were waited for.
/// Source: proc(5), `stat` fields 16 and 17.
pub fn children_cpu_seconds() -> f64 {
    let fields = stat_fields("/proc/self/stat");
    (fields[13] + fields[14]) / 100.0
}
