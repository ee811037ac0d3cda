-- One request to each cluster in turn: COUNT of them, by the header x-cluster.
local count, at = tonumber(os.getenv("COUNT")), 0

request = function()
    at = at % count + 1
    return wrk.format("GET", "/", { ["x-cluster"] = "cluster-" .. (at - 1) })
end
