-- The least that nginx must do to have the numbers a gateway is asked for: requests, errors,
-- responses by status and a histogram of durations, by route, method and path.
--
-- Debian has no Prometheus library for nginx's Lua module. This does what such a library does (one
-- worker counts in its own tables and adds them to a shared dictionary each second) and less: the
-- label sets are looked up by one string, nothing is escaped or checked.
local M = {}
local dict
local cells = {}
local edges = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

local function new_cell(route, method, path)
    local labels = '{route="' .. route .. '",method="' .. method .. '",path="' .. path .. '"'
    local cell = {labels = labels, requests = 0, errors = 0, sum = 0, codes = {}, buckets = {}}
    for i = 1, #edges + 1 do cell.buckets[i] = 0 end
    return cell
end

function M.count(route, path)
    local var = ngx.var
    local method, status, seconds = var.request_method, ngx.status, tonumber(var.request_time)
    local key = route .. method .. path
    local cell = cells[key]
    if not cell then
        cell = new_cell(route, method, path)
        cells[key] = cell
    end
    cell.requests = cell.requests + 1
    if status >= 500 then cell.errors = cell.errors + 1 end
    cell.codes[status] = (cell.codes[status] or 0) + 1
    cell.sum = cell.sum + seconds
    local bucket = 1
    while edges[bucket] and seconds > edges[bucket] do bucket = bucket + 1 end
    cell.buckets[bucket] = cell.buckets[bucket] + 1
end

local function fold(name, labels, value)
    if value ~= 0 then dict:incr(name .. labels, value, 0) end
end

local function sync()
    for _, cell in pairs(cells) do
        local labels = cell.labels
        fold("requests_total", labels .. "}", cell.requests)
        fold("requests_errors_total", labels .. "}", cell.errors)
        fold("request_duration_seconds_sum", labels .. "}", cell.sum)
        for status, n in pairs(cell.codes) do
            fold("responses_total", labels .. ',code="' .. status .. '"}', n)
            cell.codes[status] = 0
        end
        for i, n in ipairs(cell.buckets) do
            fold("request_duration_seconds_bucket", labels .. ',le="' .. (edges[i] or "+Inf") .. '"}', n)
            cell.buckets[i] = 0
        end
        cell.requests, cell.errors, cell.sum = 0, 0, 0
    end
end

function M.start(name)
    dict = ngx.shared[name]
    ngx.timer.every(1, sync)
    return M
end

function M.expose()
    for _, key in ipairs(dict:get_keys(0)) do ngx.say(key, " ", dict:get(key)) end
end

return M
