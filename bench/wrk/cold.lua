-- Stored keys, drawn uniformly from the file KEYS, one per line.
dofile(os.getenv("WRK_LIB"))
local keys, count = {}, 0

function init()
   seed()
   for key in io.lines(os.getenv("KEYS")) do
      count = count + 1
      keys[count] = key
   end
end

function request() return order(keys[math.random(count)]) end
