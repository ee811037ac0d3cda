-- How the bench reads wrk's result: one line of JSON. PIPELINE in the environment is the depth.
local depth = tonumber(os.getenv("PIPELINE") or "1")

if depth > 1 then
    local batch
    init = function() batch = string.rep(wrk.format(), depth) end
    request = function() return batch end
end

done = function(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "us": %d, "p99_us": %d, "errors": %d}\n',
        summary.requests, summary.duration, latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
